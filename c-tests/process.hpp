// What this process holds: its descriptors and its threads.
#pragma once

#include <cstddef>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <thread>

inline std::size_t descriptors() {
    std::size_t count = 0;
    for (const auto &entry : std::filesystem::directory_iterator("/proc/self/fd")) {
        (void)entry;
        ++count;
    }
    return count;
}

// The threads that are alive. The kernel lists a thread for a moment longer than it takes to join it; what such a one
// has is a mark that it is exiting.
inline std::size_t threads() {
    constexpr unsigned long exiting = 0x4; // PF_EXITING
    std::size_t count = 0;
    for (const auto &task : std::filesystem::directory_iterator("/proc/self/task")) {
        std::string line;
        std::getline(std::ifstream(task.path() / "stat"), line);
        const auto name_ends = line.rfind(')');
        if (name_ends == std::string::npos) continue; // It is gone.
        // state ppid pgrp session tty_nr tpgid flags
        std::istringstream fields(line.substr(name_ends + 1));
        std::string field;
        for (int i = 0; i < 6; ++i) fields >> field;
        unsigned long flags = exiting;
        fields >> flags;
        if ((flags & exiting) == 0) ++count;
    }
    return count;
}

// The threads that are alive before a test begins some: a tool that watches threads begins one of its own with the
// first.
inline std::size_t threads_before() {
    std::thread([] {}).join();
    return threads();
}

// An epoll loop that drives a store: timers answer `sleep`, a thread pool answers `digest`, and several
// calls of the guest are under way at once. event-loop.c does the same in C, and prints the same.
//
//     event-loop-cpp jobs.wasm

#include "jobs.hpp" // generated from guest/jobs.wit

#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <condition_variable>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <functional>
#include <iostream>
#include <memory>
#include <mutex>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

namespace {

class descriptor {
public:
    descriptor(int fd, const char *what) : fd_(fd) {
        if (fd < 0) throw std::system_error(errno, std::generic_category(), what);
    }
    descriptor(descriptor &&other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    ~descriptor() {
        if (fd_ >= 0) close(fd_);
    }
    int get() const { return fd_; }

private:
    int fd_;
};

// Calls what belongs to a descriptor when that is readable.
class event_loop {
public:
    // `source` stays where it is as long as its descriptor is open.
    void watch(int fd, std::function<void()> *source) {
        epoll_event event{};
        event.events = EPOLLIN;
        event.data.ptr = source;
        if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0)
            throw std::system_error(errno, std::generic_category(), "epoll_ctl");
    }
    void wait() {
        std::array<epoll_event, 16> events;
        const int count = epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), -1);
        for (int i = 0; i < count; i++)
            (*static_cast<std::function<void()> *>(events[static_cast<std::size_t>(i)].data.ptr))();
    }

private:
    descriptor epoll_{epoll_create1(EPOLL_CLOEXEC), "epoll_create1"};
};

// sleep: async func(ms: u32)
class timers {
public:
    explicit timers(event_loop &loop) : loop_(loop) {}

    void start(cmabi::promise<void> awake, std::uint32_t ms) {
        auto timer = std::make_unique<pending>(std::move(awake));
        itimerspec when{};
        when.it_value.tv_sec = ms / 1000;
        when.it_value.tv_nsec = ms % 1000 * 1000000L + 1;
        timerfd_settime(timer->fd.get(), 0, &when, nullptr);
        timer->expired = [this, timer = timer.get()] { answer(timer); };
        loop_.watch(timer->fd.get(), &timer->expired);
        pending_.push_back(std::move(timer));
        most = std::max(most, pending_.size());
    }

    std::size_t most = 0; // at once

private:
    struct pending {
        explicit pending(cmabi::promise<void> awake) : awake(std::move(awake)) {}
        cmabi::promise<void> awake;
        descriptor fd{timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC), "timerfd_create"};
        std::function<void()> expired;
    };

    void answer(pending *timer) {
        const auto is_it = [timer](const auto &other) { return other.get() == timer; };
        const auto at = std::find_if(pending_.begin(), pending_.end(), is_it);
        const std::unique_ptr<pending> over = std::move(*at);
        pending_.erase(at);
        over->awake.resolve();
    }

    event_loop &loop_;
    std::vector<std::unique_ptr<pending>> pending_;
};

// digest: async func(text: string) -> u64, on other threads. They leave their results and wake the loop.
class thread_pool {
public:
    thread_pool(event_loop &loop, const cmabi::store &store, unsigned threads)
        : waker_(store.waker()), woken_([this] { answer(); }) {
        loop.watch(waker_.fd(), &woken_);
        for (unsigned i = 0; i < threads; i++) threads_.emplace_back([this] { run(); });
    }
    ~thread_pool() {
        {
            const std::lock_guard lock(mutex_);
            closing_ = true;
        }
        changed_.notify_all();
        for (std::thread &thread : threads_) thread.join();
    }

    void start(cmabi::promise<std::uint64_t> promise, std::string_view text) {
        {
            const std::lock_guard lock(mutex_);
            waiting_.push_back({std::move(promise), text, 0}); // the text stays until the answer
        }
        changed_.notify_one();
    }

private:
    struct work {
        cmabi::promise<std::uint64_t> promise; // to be resolved on the store's thread
        std::string_view text;
        std::uint64_t digest;
    };

    // FNV-1a, over and over.
    static std::uint64_t digest(std::string_view text) {
        std::uint64_t hash = 0xcbf29ce484222325;
        for (int round = 0; round < 20000; round++)
            for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
        return hash;
    }
    void run() {
        std::unique_lock lock(mutex_);
        for (;;) {
            changed_.wait(lock, [this] { return closing_ || !waiting_.empty(); });
            if (closing_) return;
            work work = std::move(waiting_.back());
            waiting_.pop_back();
            lock.unlock();
            work.digest = digest(work.text);
            lock.lock();
            done_.push_back(std::move(work));
            waker_.wake();
        }
    }
    void answer() {
        waker_.clear();
        std::vector<work> done;
        {
            const std::lock_guard lock(mutex_);
            done.swap(done_);
        }
        for (work &work : done) work.promise.resolve(work.digest);
    }

    cmabi::waker waker_;
    std::function<void()> woken_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<work> waiting_, done_;
    bool closing_ = false;
    std::vector<std::thread> threads_;
};

// What the guest imports: functions that answer later.
struct host {
    event_loop loop;
    timers sleepers{loop};
    std::unique_ptr<thread_pool> pool;

    void sleep(cmabi::promise<void> awake, std::uint32_t ms) { sleepers.start(std::move(awake), ms); }
    void digest(cmabi::promise<std::uint64_t> digest, std::string_view text) {
        pool->start(std::move(digest), text);
    }
};

void run_jobs(std::string_view path) {
    host host;
    const cmabi::engine engine;
    const cmabi::component component(engine, path);
    cmabi::linker linker(engine);
    demo::jobs::jobs::add_to_linker(linker, host);
    cmabi::store store(engine);
    host.pool = std::make_unique<thread_pool>(host.loop, store, 2);
    const demo::jobs::jobs guest(linker, store, component);

    struct job {
        const char *text;
        std::uint32_t rounds, pause;
        cmabi::subtask<std::uint64_t> call;
    };
    job jobs[] = {{"Ada", 3, 30, {}}, {"Grace", 2, 50, {}}, {"Barbara", 4, 20, {}}};
    int running = 0;
    for (job &job : jobs) {
        running++;
        job.call = guest.run_start(job.text, job.rounds, job.pause);
        job.call.then([&running](const cmabi::subtask<std::uint64_t> &) { running--; });
    }
    for (;;) {
        store.run(); // all that can go on now; never blocks
        if (running == 0) break;
        host.loop.wait();
    }
    for (job &job : jobs)
        std::printf("%s: %016llx\n", job.text, static_cast<unsigned long long>(job.call.get()));
    std::printf("%zu slept at once\n", host.sleepers.most);
}

} // namespace

int main(int argc, char **argv) {
    if (argc != 2) {
        std::cerr << "usage: event-loop-cpp jobs.wasm\n";
        return 2;
    }
    try {
        run_jobs(argv[1]);
    } catch (const std::exception &error) {
        std::cerr << "event-loop-cpp: " << error.what() << '\n';
        return 1;
    }
}

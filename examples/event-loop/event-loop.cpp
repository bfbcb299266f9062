// An epoll loop that drives a store: timers answer `sleep`, a thread pool answers `digest`, and several
// calls of the guest are under way at once. event-loop.c does the same in C, and prints the same.
//
//     event-loop-cpp jobs.wasm

#include <cmabi.hpp>

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

// Owns a handle of the C functions.
template <class T, void (*Free)(T *)>
struct free_with {
    void operator()(T *handle) const { Free(handle); }
};
using owned_task = std::unique_ptr<cmabi_task, free_with<cmabi_task, cmabi_task_free>>;
using owned_subtask = std::unique_ptr<cmabi_subtask, free_with<cmabi_subtask, cmabi_subtask_free>>;
using owned_waker = std::unique_ptr<cmabi_waker, free_with<cmabi_waker, cmabi_waker_free>>;

// Calls a function of the library, and throws where it fails.
template <class Function, class... Args>
void must(Function *function, Args... args) {
    cmabi_error *failure = nullptr;
    const cmabi_status status = function(args..., &failure);
    if (status != CMABI_STATUS_OK) throw cmabi::error(status, failure);
}

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

    void start(cmabi_task *task, std::uint32_t ms) {
        auto timer = std::make_unique<pending>(task);
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
        explicit pending(cmabi_task *task) : task(task) {}
        owned_task task;
        descriptor fd{timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC), "timerfd_create"};
        std::function<void()> expired;
    };

    void answer(pending *timer) {
        const auto is_it = [timer](const auto &other) { return other.get() == timer; };
        const auto at = std::find_if(pending_.begin(), pending_.end(), is_it);
        const std::unique_ptr<pending> over = std::move(*at);
        pending_.erase(at);
        must(cmabi_task_return, over->task.get(), nullptr);
    }

    event_loop &loop_;
    std::vector<std::unique_ptr<pending>> pending_;
};

// digest: async func(text: string) -> u64, on other threads. They leave their results and wake the loop.
class thread_pool {
public:
    thread_pool(event_loop &loop, cmabi_store *store, unsigned threads) {
        cmabi_waker *waker = nullptr;
        must(cmabi_store_waker, store, &waker);
        waker_.reset(waker);
        woken_ = [this] { answer(); };
        loop.watch(cmabi_waker_fd(waker), &woken_);
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

    void start(cmabi_task *task, std::string_view text) {
        {
            const std::lock_guard lock(mutex_);
            waiting_.push_back({owned_task(task), text, 0}); // the text stays until the answer
        }
        changed_.notify_one();
    }

private:
    struct work {
        owned_task task; // only for the store's thread
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
            cmabi_waker_wake(waker_.get());
        }
    }
    void answer() {
        cmabi_waker_clear(waker_.get());
        std::vector<work> done;
        {
            const std::lock_guard lock(mutex_);
            done.swap(done_);
        }
        for (const work &work : done) must(cmabi_task_return, work.task.get(), &work.digest);
    }

    owned_waker waker_;
    std::function<void()> woken_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<work> waiting_, done_;
    bool closing_ = false;
    std::vector<std::thread> threads_;
};

// What the guest imports. An async function keeps its task, and answers it later.
struct host {
    event_loop loop;
    timers sleepers{loop};
    std::unique_ptr<thread_pool> pool;

    void offer(const cmabi::linker &linker) {
        offer<&host::sleep>(linker, "sleep");
        offer<&host::digest>(linker, "digest");
    }

private:
    void sleep(cmabi_task *task, const void *args) {
        sleepers.start(task, *static_cast<const std::uint32_t *>(args));
    }
    void digest(cmabi_task *task, const void *args) {
        pool->start(task, *static_cast<const cmabi::string *>(args));
    }

    template <auto Start>
    void offer(const cmabi::linker &linker, std::string_view name) {
        const cmabi_host_func serve = [](void *data, cmabi_task *task, const void *args, void *) {
            try {
                (static_cast<host *>(data)->*Start)(task, args);
                return CMABI_STATUS_PENDING;
            } catch (const std::exception &error) {
                cmabi_task_set_error(task, cmabi::string(error.what()), nullptr);
                return CMABI_STATUS_HOST;
            }
        };
        must(cmabi_linker_func, linker.get(), cmabi::string("demo:jobs/host"), cmabi::string(name), serve,
             this, nullptr);
    }
};

// run: async func(text: string, rounds: u32, pause: u32) -> u64
struct run_args {
    cmabi::string text;
    std::uint32_t rounds, pause;
};

void run_jobs(std::string_view path) {
    host host;
    const cmabi::engine engine;
    const cmabi::component component(engine, path);
    const cmabi::linker linker(engine);
    host.offer(linker);
    cmabi::store store(engine);
    host.pool = std::make_unique<thread_pool>(host.loop, store.get(), 2);
    const cmabi::instance instance = linker.instantiate(store, component);
    const cmabi_func *run = nullptr;
    must(cmabi_instance_func, instance.get(), cmabi::string("run"), &run);
    must(cmabi_func_check, run, sizeof(run_args), sizeof(std::uint64_t));

    const run_args jobs[] = {{"Ada", 3, 30}, {"Grace", 2, 50}, {"Barbara", 4, 20}};
    std::vector<owned_subtask> subtasks;
    int running = 0;
    for (const run_args &args : jobs) {
        running++;
        cmabi_subtask *subtask = nullptr;
        must(cmabi_func_start, store.get(), run, &args,
             [](void *data, cmabi_subtask *) { --*static_cast<int *>(data); }, &running, nullptr,
             &subtask);
        subtasks.emplace_back(subtask);
    }
    for (;;) {
        store.run(); // all that can go on now; never blocks
        if (running == 0) break;
        host.loop.wait();
    }
    for (std::size_t i = 0; i < subtasks.size(); i++) {
        cmabi_subtask_state state;
        must(cmabi_subtask_get_state, subtasks[i].get(), &state); // did a trap end it?
        const void *result = cmabi_subtask_results(subtasks[i].get());
        std::printf("%s: %016llx\n", jobs[i].text.ptr,
                    static_cast<unsigned long long>(*static_cast<const std::uint64_t *>(result)));
    }
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

// Built-ins, calls, and what the host does, in random order. Guests trap for what they do wrong; the library
// never fails inside, and the store serves another guest afterwards.
#include "native.hpp"

#include <array>
#include <deque>
#include <random>

namespace {

using Handles = std::vector<std::uint32_t>;

class World {
public:
    explicit World(std::uint64_t seed) : native_(seed), random_(seed) {
        const FuncType plain = func({}), async = func({}, nullptr, true);
        for (auto &guest : guests_) {
            const bool is_child = &guest == &guests_.back();
            guest.instance = native_.instance("guest", is_child ? guests_.front().instance : 0);
            guest.opts = native_.options(guest.heap);
            make_funcs(guest, plain, async);
        }
        resource_ = native_.resource(guests_[0].instance, native_.core({I32}, {}, [this](const Values &) {
            return run(guests_[0], 2);
        }));
        REQUIRE_OK(cmabi_func_new, native_.store, async, CMABI_STR("pending"), pend, this, nullptr, pending_.out());
        for (auto &guest : guests_) {
            auto opts = guest.opts;
            for (std::uint8_t is_async : {0, 1}) {
                opts.is_async = is_async;
                guest.imports[is_async].push_back(native_.lower(guest.instance, pending_, opts));
                for (const auto &func : funcs_) {
                    guest.imports[is_async].push_back(native_.lower(guest.instance, func, opts));
                }
            }
        }
    }
    // Suspended guests run to their ends.
    ~World() {
        for (auto *task : tasks_) {
            cmabi_task_free(task);
        }
        pending_ = Func();
        funcs_.clear();
        native_.store = Store();
    }

    void run() {
        while (steps_-- > 0) {
            act();
        }
        const FuncType plain = func({});
        const auto fine = native_.core({}, {}, [](const Values &) { return Values{}; });
        const Func works = native_.lift(native_.instance("fresh"), fine, plain, Native::options());
        CHECK_OK(cmabi_func_call, native_.store, works, nullptr, nullptr, nullptr);
    }

private:
    struct Guest {
        cmabi_component_instance instance = 0;
        Heap heap{4096};
        cmabi_canon_options opts{};
        std::vector<cmabi_core_func> imports[2];
        cmabi_core_table table = 0;
        Handles sets, subtasks, threads, readable, writable, resources;
    };

    std::uint32_t below(std::size_t n) { return static_cast<std::uint32_t>(random_() % n); }
    // Mostly a handle that was there once.
    std::uint32_t pick(const Handles &handles) {
        return handles.empty() || below(50) == 0 ? below(5) : handles[below(handles.size())];
    }

    void make_funcs(Guest &guest, const cmabi_func_type *plain, const cmabi_func_type *async) {
        const auto body = [this, &guest](const Values &) { return run(guest, 10); };
        const auto returning = [this, &guest](const Values &) {
            run(guest, 10);
            native_.task_return(nullptr, async_options(guest), {});
            return Values{};
        };
        const auto callback = [this, &guest](const Values &) {
            run(guest, 5);
            const std::uint64_t code = below(3);
            if (code == EXIT) {
                native_.task_return(nullptr, async_options(guest), {});
            }
            return Values{code == WAIT ? code | std::uint64_t{pick(guest.sets)} << 4 : code};
        };
        auto opts = async_options(guest);
        funcs_.push_back(native_.lift(guest.instance, native_.core({}, {}, body), plain, guest.opts));
        funcs_.push_back(native_.lift(guest.instance, native_.core({}, {}, body), async, guest.opts));
        funcs_.push_back(native_.lift(guest.instance, native_.core({}, {}, returning), async, opts));
        opts.callback = native_.core({I32, I32, I32}, {I32}, callback);
        funcs_.push_back(native_.lift(guest.instance, native_.core({}, {I32}, callback), async, opts));
        guest.table = native_.table({native_.core({I32}, {}, body)});
    }

    static cmabi_canon_options async_options(const Guest &guest) {
        auto opts = guest.opts;
        opts.is_async = 1;
        return opts;
    }

    static cmabi_status pend(void *data, cmabi_task *task, const void *, void *) {
        auto &world = *static_cast<World *>(data);
        if (world.below(3) == 0) {
            return CMABI_STATUS_OK;
        }
        world.tasks_.push_back(task);
        return CMABI_STATUS_PENDING;
    }

    Values run(Guest &guest, std::size_t most) {
        for (auto count = below(most); count > 0 && steps_-- > 0; --count) {
            step(guest);
        }
        return {};
    }

    void step(Guest &guest) {
        const bool flag = below(3) != 0;
        const auto opts = flag ? async_options(guest) : guest.opts;
        const cmabi_type *element = u8();
        const std::uint64_t ptr = 1024, len = below(4);
        const cmabi_core_func_type thread{&I32, 1, nullptr, 0};
        switch (below(24)) {
        case 0: guest.sets.push_back(native_.get(cmabi_canon_waitable_set_new)); break;
        case 1: native_.get(cmabi_canon_waitable_set_wait, opts.memory, pick(guest.sets), ptr); break;
        case 2: native_.get(cmabi_canon_waitable_set_poll, opts.memory, pick(guest.sets), ptr); break;
        case 3: native_.run(cmabi_canon_waitable_join, pick(guest.readable), pick(guest.sets)); break;
        case 4: native_.run(cmabi_canon_waitable_join, pick(guest.subtasks), pick(guest.sets)); break;
        case 5: native_.get(cmabi_canon_subtask_cancel, flag, pick(guest.subtasks)); break;
        case 6: native_.run(cmabi_canon_subtask_drop, pick(guest.subtasks)); break;
        case 7: native_.get(cmabi_canon_thread_yield); break;
        case 8: native_.get(cmabi_canon_thread_suspend); break;
        case 9: guest.threads.push_back(native_.get(cmabi_canon_thread_new_indirect, &thread, guest.table, 0, 1)); break;
        case 10: native_.run(cmabi_canon_thread_resume_later, pick(guest.threads)); break;
        case 11: native_.get(cmabi_canon_thread_suspend_then_resume, pick(guest.threads)); break;
        case 12: native_.get(cmabi_canon_thread_yield_then_promote, pick(guest.threads)); break;
        case 13: {
            const Ends ends = native_.stream_new(element);
            guest.readable.push_back(ends.readable);
            guest.writable.push_back(ends.writable);
            break;
        }
        case 14: native_.get(cmabi_canon_stream_read, element, &opts, pick(guest.readable), ptr, len); break;
        case 15: native_.get(cmabi_canon_stream_write, element, &opts, pick(guest.writable), ptr, len); break;
        case 16: native_.get(cmabi_canon_stream_cancel_read, element, flag, pick(guest.readable)); break;
        case 17: native_.run(cmabi_canon_stream_drop_readable, element, pick(guest.readable)); break;
        case 18: native_.run(cmabi_canon_stream_drop_writable, element, pick(guest.writable)); break;
        case 19: guest.resources.push_back(native_.get(cmabi_canon_resource_new, resource_.get(), 7U)); break;
        case 20: native_.run(cmabi_canon_resource_drop, resource_.get(), pick(guest.resources)); break;
        case 21: act(); break;
        default: {
            const auto &imports = guest.imports[flag];
            const Values results = native_.call(imports[below(imports.size())], {}, flag ? 1 : 0);
            if (flag && results[0] >> 4 != 0) {
                guest.subtasks.push_back(static_cast<std::uint32_t>(results[0] >> 4));
            }
        }
        }
    }

    // What the host does, wherever it is.
    void act() {
        const cmabi_func *func = funcs_[below(funcs_.size())];
        switch (below(5)) {
        case 0: cmabi_store_run(native_.store, nullptr); break;
        case 1: cmabi_func_call(native_.store, func, nullptr, nullptr, nullptr, nullptr); break;
        case 2:
            subtasks_.emplace_back();
            cmabi_func_start(native_.store, func, nullptr, nullptr, nullptr, nullptr, subtasks_.back().out(), nullptr);
            break;
        case 3:
            if (!subtasks_.empty()) {
                cmabi_subtask_cancel(subtasks_[below(subtasks_.size())], nullptr);
            }
            break;
        default:
            if (!tasks_.empty()) {
                auto *task = tasks_.back();
                tasks_.pop_back();
                cmabi_task_return(task, nullptr, nullptr);
                cmabi_task_free(task);
            }
        }
    }

    Native native_;
    std::mt19937_64 random_;
    int steps_ = 300;
    std::array<Guest, 4> guests_;
    ResourceType resource_;
    std::vector<Func> funcs_;
    Func pending_;
    std::vector<cmabi_task *> tasks_;
    std::deque<Handle<cmabi_subtask, cmabi_subtask_free>> subtasks_;
};

} // namespace

TEST_CASE("whatever guests and their host do, the store goes on") {
    for (std::uint64_t seed = 0; seed < 100; ++seed) {
        CAPTURE(seed);
        World(seed).run();
    }
}

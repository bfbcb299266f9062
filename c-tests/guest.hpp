// A guest with all that it takes to run it.
#pragma once

#include "support.hpp"

struct Guest {
    Handle<cmabi_engine, cmabi_engine_free> engine;
    Handle<cmabi_linker, cmabi_linker_free> linker;
    Handle<cmabi_store, cmabi_store_free> store;
    Handle<cmabi_component, cmabi_component_free> component;
    Handle<cmabi_instance, cmabi_instance_free> instance;
    Handle<cmabi_arena, cmabi_arena_free> arena;

    // Loads guests/NAME.wat, to be instantiated with what is put into the linker first.
    explicit Guest(const char *name, const cmabi_config *config = nullptr) {
        REQUIRE_OK(cmabi_engine_new, nullptr, engine.out());
        REQUIRE_OK(cmabi_linker_new, engine, linker.out());
        REQUIRE_OK(cmabi_store_new, engine, config, store.out());
        REQUIRE_OK(cmabi_arena_new, 0, arena.out());
        const auto bytes = read_guest(name);
        REQUIRE_OK(cmabi_component_load, engine, bytes.data(), bytes.size(), component.out());
    }

    // Instantiates once more; the first instance that is asked of lives on in the store.
    void instantiate() {
        REQUIRE_OK(cmabi_linker_instantiate, linker, store, component, instance.out());
    }

    const cmabi_func *func(const char *path) { return func(instance, path); }

    static const cmabi_func *func(cmabi_instance *instance, const char *path) {
        const cmabi_func *func = nullptr;
        REQUIRE_OK(cmabi_instance_func, instance, view(path), &func);
        return func;
    }
};

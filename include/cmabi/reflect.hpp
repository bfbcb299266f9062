/// @file reflect.hpp
///
/// Part of cmabi.hpp: types to be looked at, and calls of functions whose types are not known when the
/// program is compiled.

#ifndef CMABI_REFLECT_HPP
#define CMABI_REFLECT_HPP

#include "error.hpp"
#include "values.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace cmabi {

namespace detail {

/// A view of what a C function has found, if it has found something.
template <class View, class Of>
std::optional<View> found(const Of *of) {
    if (of == nullptr) return {};
    return View(of);
}

} // namespace detail

/// A value type, borrowed from what it was asked of. Two are equal if they are the same type.
class type_view {
public:
    explicit type_view(const cmabi_type *of) : type_(of) {}

    const cmabi_type *get() const { return type_; }
    cmabi_kind kind() const { return cmabi_type_kind(type_); }
    /// The type as WIT text.
    std::string_view text() const { return string(cmabi_type_text(type_)); }
    /// Fields, cases, labels, elements, and what else a type is made of; see `cmabi_type_part_count`.
    std::size_t part_count() const { return cmabi_type_part_count(type_); }
    std::string_view part_name(std::size_t index) const {
        return string(cmabi_type_part_name(type_, index));
    }
    /// Nothing for a part without a type: a label, or a case without payload.
    std::optional<type_view> part(std::size_t index) const {
        return detail::found<type_view>(cmabi_type_part_at(type_, index));
    }
    /// How many elements a fixed-length list has.
    std::uint32_t length() const { return cmabi_type_length(type_); }
    /// The size, alignment and offsets of the host's layout.
    std::size_t size() const { return cmabi_type_size(type_, CMABI_ADDR_TYPE_HOST); }
    std::size_t align() const { return cmabi_type_align(type_, CMABI_ADDR_TYPE_HOST); }
    std::size_t part_offset(std::size_t index) const {
        return cmabi_type_part_offset(type_, index, CMABI_ADDR_TYPE_HOST);
    }

    friend bool operator==(type_view a, type_view b) { return a.type_ == b.type_; }
    friend bool operator!=(type_view a, type_view b) { return a.type_ != b.type_; }

private:
    const cmabi_type *type_;
};

/// A function type, borrowed from what it was asked of.
class func_type_view {
public:
    explicit func_type_view(const cmabi_func_type *of) : type_(of) {}

    const cmabi_func_type *get() const { return type_; }
    std::string_view text() const { return string(cmabi_func_type_text(type_)); }
    bool is_async() const { return cmabi_func_type_is_async(type_); }
    /// The parameters as a record; nothing where there are none.
    std::optional<type_view> params() const {
        return detail::found<type_view>(cmabi_func_type_params(type_));
    }
    std::optional<type_view> result() const {
        return detail::found<type_view>(cmabi_func_type_result(type_));
    }

private:
    const cmabi_func_type *type_;
};

/// A function type of one's own.
class func_type : public detail::handle<cmabi_func_type, cmabi_func_type_free> {
public:
    /// Takes a type of the C functions.
    explicit func_type(cmabi_func_type *owned) : handle(owned) {}
    /// From WIT text, as `func(s: string) -> u32`; see `cmabi_func_type_parse`.
    explicit func_type(std::string_view text)
        : handle(detail::call_out<cmabi_func_type *>(cmabi_func_type_parse, string(text))) {}

    func_type_view view() const { return func_type_view(get()); }
    std::string_view text() const { return view().text(); }
};

struct named_extern;

/// The type of what a component imports or exports, borrowed from that.
class extern_type_view {
public:
    explicit extern_type_view(const cmabi_extern_type *of) : type_(of) {}

    const cmabi_extern_type *get() const { return type_; }
    cmabi_extern_kind kind() const { return cmabi_extern_type_kind(type_); }
    /// For a function its type.
    std::optional<func_type_view> func() const {
        return detail::found<func_type_view>(cmabi_extern_type_func(type_));
    }
    /// For a value type that.
    std::optional<type_view> value() const {
        return detail::found<type_view>(cmabi_extern_type_type(type_));
    }
    /// For a resource type its name; empty for others.
    std::string_view resource_name() const {
        const cmabi_resource_type *found = cmabi_extern_type_resource(type_);
        return found == nullptr ? std::string_view() : std::string_view(string(cmabi_resource_type_name(found)));
    }
    /// For an instance what it exports.
    std::vector<named_extern> exports() const;

private:
    const cmabi_extern_type *type_;
};

/// An import or export.
struct named_extern {
    std::string_view name;
    extern_type_view type;
};

namespace detail {

/// All that a pair of C functions counts and gives.
template <class Of>
std::vector<named_extern> externs(std::size_t count,
                                  const cmabi_extern_type *(*at)(Of *, std::size_t, cmabi_string *), Of *of) {
    std::vector<named_extern> all;
    all.reserve(count);
    for (std::size_t i = 0; i < count; ++i) {
        cmabi_string name{};
        const cmabi_extern_type *type = at(of, i, &name);
        all.push_back({string(name), extern_type_view(type)});
    }
    return all;
}

/// Room for a value of a type that is not known when the program is compiled.
class room_for {
public:
    explicit room_for(std::optional<type_view> type) {
        if (type) words_.resize((type->size() + sizeof(std::uint64_t) - 1) / sizeof(std::uint64_t) + 1);
    }
    void *get() { return words_.empty() ? nullptr : words_.data(); }

private:
    std::vector<std::uint64_t> words_;
};

} // namespace detail

inline std::vector<named_extern> extern_type_view::exports() const {
    return detail::externs(cmabi_extern_type_export_count(type_), cmabi_extern_type_export_at, type_);
}

} // namespace cmabi

#endif // CMABI_REFLECT_HPP

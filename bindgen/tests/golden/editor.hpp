// Written by cmabi bindgen 0.2.0 from `editor.wit`, world `editor`. Do not edit.
#ifndef DEMO_EDITOR_EDITOR_HPP
#define DEMO_EDITOR_EDITOR_HPP

#include <cmabi.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

namespace demo::editor::files {

/// A file of the host's.
/// Implemented by the host, which defines this class.
class file;

} // namespace demo::editor::files

template <>
struct cmabi::resource<::demo::editor::files::file> {
    static constexpr auto name = "file";
};

namespace demo::editor::files {

} // namespace demo::editor::files

namespace exports::demo::editor::editing {

class editor;

} // namespace exports::demo::editor::editing

template <>
struct cmabi::guest_resource<::exports::demo::editor::editing::editor> {
    static constexpr auto name = "editor";
};

namespace exports::demo::editor::editing {

using file = ::demo::editor::files::file;

class functions;

/// Writes a file line by line.
class editor : public cmabi::bindings::resource_object<editor> {
public:
    editor() = default;
    explicit editor(cmabi::bindings::resource_object<editor> object) : base(std::move(object)) {}

    editor(
            const ::exports::demo::editor::editing::functions &in_,
            cmabi::own<::demo::editor::files::file> file_);

    /// Appends a line; how many there are now.
    std::uint32_t add(std::string_view text) const;

    /// Gives back the file.
    static cmabi::own<::demo::editor::files::file> close(
            const ::exports::demo::editor::editing::functions &in_,
            ::exports::demo::editor::editing::editor editor__);
};

} // namespace exports::demo::editor::editing

// What WIT says of the functions, for the library to check.

namespace demo::editor::editor_descs {

inline constexpr cmabi_part_desc resource_file[] = {{"file", nullptr}};
inline constexpr cmabi_type_desc type_own_file = {CMABI_KIND_OWN, 0, resource_file, 1};
inline constexpr cmabi_part_desc params_constructor_editor[] = {{"file", &type_own_file}};
inline constexpr cmabi_part_desc resource_editor[] = {{"editor", nullptr}};
inline constexpr cmabi_type_desc type_own_editor = {CMABI_KIND_OWN, 0, resource_editor, 1};
inline constexpr cmabi_type_desc type_borrow_editor = {CMABI_KIND_BORROW, 0, resource_editor, 1};
inline constexpr cmabi_type_desc type_string = {CMABI_KIND_STRING, 0, nullptr, 0};
inline constexpr cmabi_part_desc params_method_editor_add[] = {
    {"self", &type_borrow_editor},
    {"text", &type_string},
};
inline constexpr cmabi_type_desc type_u32 = {CMABI_KIND_U32, 0, nullptr, 0};
inline constexpr cmabi_part_desc params_static_editor_close[] = {{"editor", &type_own_editor}};
inline constexpr cmabi_type_desc type_borrow_file = {CMABI_KIND_BORROW, 0, resource_file, 1};
inline constexpr cmabi_part_desc params_greet[] = {{"file", &type_borrow_file}};
inline constexpr cmabi_type_desc type_bool = {CMABI_KIND_BOOL, 0, nullptr, 0};
inline constexpr cmabi_export_desc exports[] = {
    {"demo:editor/editing#[constructor]editor", {params_constructor_editor, 1, &type_own_editor, false}},
    {"demo:editor/editing#[method]editor.add", {params_method_editor_add, 2, &type_u32, false}},
    {"demo:editor/editing#[static]editor.close", {params_static_editor_close, 1, &type_own_file, false}},
    {"demo:editor/editing#greet", {params_greet, 1, &type_bool, false}},
    {"demo:editor/editing#draft", {nullptr, 0, &type_own_file, false}},
};
inline constexpr cmabi_part_desc params_constructor_file[] = {{"name", &type_string}};
inline constexpr cmabi_func_desc demo_editor_files_constructor_file =
    {params_constructor_file, 1, &type_own_file, false};
inline constexpr cmabi_part_desc params_method_file_write[] = {
    {"self", &type_borrow_file},
    {"text", &type_string},
};
inline constexpr cmabi_func_desc demo_editor_files_method_file_write =
    {params_method_file_write, 2, nullptr, false};
inline constexpr cmabi_part_desc params_method_file_size[] = {{"self", &type_borrow_file}};
inline constexpr cmabi_func_desc demo_editor_files_method_file_size =
    {params_method_file_size, 1, &type_u32, false};

} // namespace demo::editor::editor_descs

namespace demo::editor::files {

/// Offers components what they import as `demo:editor/files`: the members of `host`,
/// which must stay as long as the linker and all stores that it is used with.
///
///     file(std::string_view name); (of `file`)
///     void write(std::string_view text); (of `file`)
///     std::uint32_t size(); (of `file`)
template <class Host>
void add_to_linker(cmabi::linker &linker, Host &host) {
    linker.resource<typename cmabi::bindings::late<::demo::editor::files::file, Host>::type>("demo:editor/files");
    cmabi::bindings::import<cmabi::own<::demo::editor::files::file>(std::string_view)>::add(
            linker, "demo:editor/files", "[constructor]file",
            ::demo::editor::editor_descs::demo_editor_files_constructor_file,
            cmabi::bindings::constructor<typename cmabi::bindings::late<::demo::editor::files::file, Host>::type>(),
            cmabi::bindings::member_of(host, [] CMABI_BINDINGS_MEMBER(create_file)));
    cmabi::bindings::import<void(cmabi::borrow<::demo::editor::files::file>, std::string_view)>::add(
            linker, "demo:editor/files", "[method]file.write",
            ::demo::editor::editor_descs::demo_editor_files_method_file_write,
            cmabi::bindings::as_method<typename cmabi::bindings::late<::demo::editor::files::file, Host>::type>([] CMABI_BINDINGS_MEMBER(write)));
    cmabi::bindings::import<std::uint32_t(cmabi::borrow<::demo::editor::files::file>)>::add(
            linker, "demo:editor/files", "[method]file.size",
            ::demo::editor::editor_descs::demo_editor_files_method_file_size,
            cmabi::bindings::as_method<typename cmabi::bindings::late<::demo::editor::files::file, Host>::type>([] CMABI_BINDINGS_MEMBER(size)));
}

} // namespace demo::editor::files

namespace exports::demo::editor::editing {

/// What a component exports as `demo:editor/editing`.
class functions {
public:
    /// Writes a greeting into a file that it is only lent, if that is empty.
    bool greet(const cmabi::borrow<::demo::editor::files::file> &file_) const {
        return call_greet(file_);
    }

    /// A file that the guest has made.
    cmabi::own<::demo::editor::files::file> draft() const {
        return call_draft();
    }

    /// For the class of the world.
    functions(const cmabi::instance &in, const cmabi_func *const *found)
        : call_constructor_editor(cmabi::bindings::found_func{in, found[0]}),
          call_method_editor_add(cmabi::bindings::found_func{in, found[1]}),
          call_static_editor_close(cmabi::bindings::found_func{in, found[2]}),
          call_greet(cmabi::bindings::found_func{in, found[3]}),
          call_draft(cmabi::bindings::found_func{in, found[4]}) {}

private:
    friend class editor;
    cmabi::func<::exports::demo::editor::editing::editor(cmabi::own<::demo::editor::files::file>)> call_constructor_editor;
    cmabi::func<std::uint32_t(cmabi::borrow<::exports::demo::editor::editing::editor>, std::string_view)> call_method_editor_add;
    cmabi::func<cmabi::own<::demo::editor::files::file>(::exports::demo::editor::editing::editor)> call_static_editor_close;
    cmabi::func<bool(cmabi::borrow<::demo::editor::files::file>)> call_greet;
    cmabi::func<cmabi::own<::demo::editor::files::file>()> call_draft;
};

} // namespace exports::demo::editor::editing

namespace demo::editor {

/// An instance of a component for the world `editor`, whose functions have been looked up.
class editor {
public:
    /// Looks up and checks all functions. Throws a `cmabi::error` with `CMABI_STATUS_TYPE_MISMATCH`
    /// that lists each one that is missing or has another type.
    explicit editor(const cmabi::instance &of)
        : state_(std::make_shared<const state>(of)) {
        cmabi::bindings::bind(of, state_);
    }
    /// Makes an instance and does the same.
    editor(const cmabi::linker &linker, cmabi::store &store, const cmabi::component &component)
        : editor(linker.instantiate(store, component)) {}

    /// `demo:editor/editing`
    const ::exports::demo::editor::editing::functions &editing() const {
        return state_->interface_0;
    }

    /// The instance.
    const cmabi::instance &instance() const {
        return state_->of;
    }

    /// Offers components all that the world imports: each host has the functions of one interface,
    /// as the function of this name in the interface's namespace says.
    template <class Host0>
    static void add_to_linker(cmabi::linker &linker, [[maybe_unused]] Host0 &files) {
        ::demo::editor::files::add_to_linker(linker, files);
    }

    /// What was looked up: for generated code.
    struct state {
        explicit state(const cmabi::instance &in)
            : state(in, cmabi::bindings::look_up(in, ::demo::editor::editor_descs::exports).data()) {}
        state(const cmabi::instance &in, const cmabi_func *const *found)
            : of(in),
              interface_0(in, found + 0) {}

        cmabi::instance of;
        ::exports::demo::editor::editing::functions interface_0;
    };

private:
    std::shared_ptr<const state> state_;
};

} // namespace demo::editor

namespace exports::demo::editor::editing {

inline editor::editor(
        const ::exports::demo::editor::editing::functions &in_,
        cmabi::own<::demo::editor::files::file> file_) : editor(in_.call_constructor_editor(std::move(file_))) {}

inline std::uint32_t editor::add(std::string_view text) const {
    const auto in_ = bound<::demo::editor::editor::state>();
    return in_->interface_0.call_method_editor_add(*this, text);
}

inline cmabi::own<::demo::editor::files::file> editor::close(
        const ::exports::demo::editor::editing::functions &in_,
        ::exports::demo::editor::editing::editor editor__) {
    return in_.call_static_editor_close(std::move(editor__));
}

} // namespace exports::demo::editor::editing

#endif // DEMO_EDITOR_EDITOR_HPP

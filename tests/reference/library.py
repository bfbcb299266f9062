"""libcmabi through ctypes. The types of its functions are read from `cmabi.h`."""

from __future__ import annotations

import ctypes
import re
from ctypes import POINTER, Structure, byref, c_bool, c_char_p, c_size_t, c_uint8, c_uint32, c_uint64, c_void_p
from pathlib import Path
from typing import Any

HEADERS = [Path(__file__).parents[2] / "include" / name for name in ("cmabi.h", "cmabi_engine.h")]

OK, TRAP, HOST = 0, 8, 9

KINDS = {
    "BoolType": 1,
    "S8Type": 2,
    "U8Type": 3,
    "S16Type": 4,
    "U16Type": 5,
    "S32Type": 6,
    "U32Type": 7,
    "S64Type": 8,
    "U64Type": 9,
    "F32Type": 10,
    "F64Type": 11,
    "CharType": 12,
    "StringType": 13,
    "ErrorContextType": 14,
}
ADDRESS_TYPES = {"host": 0, "i32": 1, "i64": 2}
CORE_TYPES = ["i32", "i64", "f32", "f64"]
ENCODINGS = ["utf8", "utf16", "latin1+utf16"]


class String(Structure):
    _fields_ = [("ptr", c_char_p), ("len", c_size_t)]

    @staticmethod
    def of(text: str) -> String:
        data = text.encode()
        return String(data, len(data))

    def text(self) -> str:
        return ctypes.string_at(self.ptr, self.len).decode() if self.len else ""


class Field(Structure):
    _fields_ = [("name", String), ("type", c_void_p)]


class CoreSignature(Structure):
    _fields_ = [
        ("params_len", c_size_t),
        ("params", c_uint32 * 17),
        ("results_len", c_size_t),
        ("results", c_uint32 * 1),
    ]


class CoreFuncType(Structure):
    _fields_ = [
        ("params", POINTER(c_uint32)),
        ("params_len", c_size_t),
        ("results", POINTER(c_uint32)),
        ("results_len", c_size_t),
    ]


MEMORY_DATA = ctypes.CFUNCTYPE(None, c_void_p, POINTER(c_uint64), POINTER(c_size_t))
REALLOC = ctypes.CFUNCTYPE(c_bool, c_void_p, c_uint64, c_uint64, c_uint32, c_uint64, POINTER(c_uint64))


class LiftLowerOptions(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("string_encoding", c_uint32),
        ("memory64", c_uint8),
        ("memory", c_void_p),
        ("memory_len", c_size_t),
        ("data", c_void_p),
        ("memory_data", MEMORY_DATA),
        ("realloc", REALLOC),
    ]


class CanonOptions(Structure):
    _fields_ = [
        ("size", c_size_t),
        ("string_encoding", c_uint32),
        ("memory", c_uint32),
        ("realloc", c_uint32),
        ("post_return", c_uint32),
        ("callback", c_uint32),
        ("is_async", c_uint8),
    ]


class Failure(Exception):
    """A function of the library failed."""

    def __init__(self, function: str, status: int, message: str) -> None:
        super().__init__(f"{function}: {message} (status {status})")
        self.status = status
        self.message = message


class Library:
    """The functions of the library are attributes without `cmabi_`; fallible ones raise `Failure`."""

    def __init__(self, path: Path) -> None:
        self.c = ctypes.CDLL(str(path))
        self.functions: set[str] = set()
        self.fallible: set[str] = set()
        for header in HEADERS:
            self.declare(header.read_text())

    def declare(self, header: str) -> None:
        header = re.sub(r"/\*.*?\*/", "", header, flags=re.S)
        for result, name, parameters in re.findall(r"^(\w[\w ]*[ *]+)(cmabi_\w+)\(([^;{]*)\);", header, flags=re.M):
            function = getattr(self.c, name)
            function.restype = c_type(result)
            function.argtypes = [c_type(p) for p in parameters.split(",") if p.strip() != "void"]
            self.functions.add(name)
            if "cmabi_error **" in parameters:
                self.fallible.add(name)

    def __getattr__(self, name: str) -> Any:
        name = f"cmabi_{name}"
        if name not in self.functions:
            raise AttributeError(name)
        function = getattr(self.c, name)
        if name in self.fallible:
            function = self.checked(name, function)
        setattr(self, name.removeprefix("cmabi_"), function)
        return function

    def checked(self, name: str, function: Any) -> Any:
        def call(*args: Any) -> None:
            error = c_void_p()
            status = function(*args, byref(error))
            if status != OK:
                raise Failure(name, status, self.take_message(error))

        return call

    def take_message(self, error: c_void_p) -> str:
        """The message of an error, which is freed; empty where there is none."""
        message = self.error_message(error).text()
        self.error_free(error)
        return message

    def new(self, function: str, *args: Any) -> int:
        """Calls `{function}(args, &handle, &error)`."""
        handle = c_void_p()
        getattr(self, function)(*args, byref(handle))
        return handle.value or 0

    def number(self, function: str, *args: Any) -> int:
        """The same for handles that are numbers."""
        number = c_uint32()
        getattr(self, function)(*args, byref(number))
        return number.value


def c_type(declaration: str) -> Any:
    """The type of a result, or of a parameter with its name."""
    words = re.sub(r"\bconst\b", "", declaration).split()
    if "*" in declaration or words[0] in ("cmabi_host_func", "cmabi_core_host_func", "cmabi_memory_data", "cmabi_drop"):
        return c_void_p
    if words[0] in ("cmabi_type_check", "cmabi_destructor"):
        return c_void_p
    return {
        "void": None,
        "bool": c_bool,
        "size_t": c_size_t,
        "uint8_t": c_uint8,
        "uint64_t": c_uint64,
        "cmabi_string": String,
    }.get(words[0], c_uint32)


class TypeBuilder:
    """Makes the library's types of the reference's. They are freed together."""

    def __init__(self, library: Library, definitions: Any) -> None:
        self.library = library
        self.d = definitions
        self.types: list[int] = []
        self.func_types: list[int] = []
        self.resources: dict[Any, int] = {}

    def free(self) -> None:
        for pointer in self.types:
            self.library.type_free(pointer)
        for pointer in self.func_types:
            self.library.func_type_free(pointer)
        for pointer in self.resources.values():
            self.library.resource_type_free(pointer)
        self.types, self.func_types, self.resources = [], [], {}

    def resource(self, rt: Any) -> int:
        if rt not in self.resources:
            self.resources[rt] = self.library.new("resource_type_new", String.of(f"r{len(self.resources)}"))
        return self.resources[rt]

    def func_type(self, ft: Any) -> int:
        [result] = ft.result or [None]
        made = self.library.new("func_type_new", *self.fields(ft.params), self.optional(result), ft.async_)
        self.func_types.append(made)
        return made

    def optional(self, t: Any) -> int | None:
        return None if t is None else self.type(t)

    def type(self, t: Any) -> int:
        made = self.make(t)
        self.types.append(made)
        return made

    def fields(self, fields: list[tuple[str, Any]]) -> tuple[Any, int]:
        array = [Field(String.of(name), self.optional(t)) for name, t in fields]
        return (Field * len(array))(*array), len(array)

    def labels(self, labels: list[str]) -> tuple[Any, int]:
        return (String * len(labels))(*map(String.of, labels)), len(labels)

    def make(self, t: Any) -> int:
        d, new = self.d, self.library.new
        match t:
            case d.ListType(element, None):
                return new("type_new_list", self.type(element))
            case d.ListType(element, length):
                return new("type_new_fixed_list", self.type(element), length)
            case d.MapType(key, value):
                return new("type_new_map", self.type(key), self.type(value))
            case d.RecordType(fields):
                return new("type_new_record", *self.fields([(f.label, f.t) for f in fields]))
            case d.TupleType(types):
                array = (c_void_p * len(types))(*map(self.type, types))
                return new("type_new_tuple", array, len(types))
            case d.VariantType(cases):
                return new("type_new_variant", *self.fields([(c.label, c.t) for c in cases]))
            case d.EnumType(labels):
                return new("type_new_enum", *self.labels(labels))
            case d.OptionType(some):
                return new("type_new_option", self.type(some))
            case d.ResultType(ok, error):
                return new("type_new_result", self.optional(ok), self.optional(error))
            case d.FlagsType(labels):
                return new("type_new_flags", *self.labels(labels))
            case d.OwnType(rt):
                return new("type_new_own", self.resource(rt))
            case d.BorrowType(rt):
                return new("type_new_borrow", self.resource(rt))
            case d.StreamType(element):
                return new("type_new_stream", self.optional(element))
            case d.FutureType(element):
                return new("type_new_future", self.optional(element))
            case _:
                return new("type_new_primitive", KINDS[type(t).__name__])

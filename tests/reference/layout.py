"""Sizes, alignments, offsets and core types."""

from __future__ import annotations

from ctypes import byref, c_uint32
from typing import Any

from compare import expect
from library import ADDRESS_TYPES, CORE_TYPES, CoreSignature, Library
from memory import Memory

CONTEXTS = ["lift", "lower"]
ABIS = ["sync", "async", "callback"]


def compare_layout(d: Any, library: Library, t: Any, pointer: int) -> None:
    for address_type, number in ADDRESS_TYPES.items():
        like = "i64" if address_type == "host" else address_type
        expect(f"size for {address_type}", d.elem_size(t, like), library.type_size(pointer, number))
        expect(f"alignment for {address_type}", d.alignment(t, like), library.type_align(pointer, number))
        for index, offset in enumerate(part_offsets(d, t, like)):
            got = library.type_part_offset(pointer, index, number)
            expect(f"offset {index} for {address_type}", offset, got)
        flat = flatten(d, [t], like)
        types = (c_uint32 * d.MAX_FLAT_PARAMS)()
        count = library.type_flatten(pointer, number, types, len(types))
        expect(f"number of core values for {address_type}", len(flat), count)
        if count <= len(types):
            expect(f"core types for {address_type}", flat, core_types(types[:count]))


def compare_signatures(d: Any, library: Library, ft: Any, pointer: int) -> None:
    """How functions of a type are flattened. `ft` must have a memory in all options."""
    for address_type in ("i32", "i64"):
        for context_number, context in enumerate(CONTEXTS):
            for abi_number, abi in enumerate(ABIS):
                options = d.CanonicalOptions(memory=Memory(0, address_type))
                options.async_, options.callback = abi != "sync", abi == "callback" or None
                core = d.flatten_functype(options, ft, context)
                signature = CoreSignature()
                number = ADDRESS_TYPES[address_type]
                library.func_type_flatten(pointer, number, context_number, abi_number, byref(signature))
                got = core_types(signature.params[: signature.params_len])
                expect(f"core parameters, {address_type} {context} {abi}", core.params, got)
                got = core_types(signature.results[: signature.results_len])
                expect(f"core results, {address_type} {context} {abi}", core.results, got)


def core_types(numbers: list[int]) -> list[str]:
    return [CORE_TYPES[number] for number in numbers]


def flatten(d: Any, types: list[Any], address_type: str) -> list[str]:
    flat: list[str] = d.flatten_types(types, d.LiftLowerOptions(memory=Memory(0, address_type)))
    return flat


def part_offsets(d: Any, t: Any, address_type: str) -> list[int]:
    match d.despecialize(t):
        case d.RecordType(fields):
            offsets, end = [], 0
            for field in fields:
                offsets.append(d.align_to(end, d.alignment(field.t, address_type)))
                end = offsets[-1] + d.elem_size(field.t, address_type)
            return offsets
        case d.VariantType(cases) if not isinstance(t, d.EnumType):
            tag = d.elem_size(d.discriminant_type(cases), address_type)
            return [d.align_to(tag, d.max_case_alignment(cases, address_type))] * len(cases)
        case d.ListType(element, int(length)):
            return [index * d.elem_size(element, address_type) for index in range(length)]
        case _:
            return []

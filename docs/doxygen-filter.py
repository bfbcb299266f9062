#!/usr/bin/env python3
"""Gives doxygen a page of the documentation as it understands it: headings with the names that other pages'
links use, no links to files that are not part of the reference, and no pictures that are not there."""

import html
import os
import re
import sys

path = sys.argv[1]
page = os.path.basename(path)


def anchor(page, name):
    return re.sub(r"[^a-z0-9]+", "-", (page + "-" + name).lower())


seen = {}


def heading(match):
    if match[1] == "#":  # the page itself
        return match[0]
    name = re.sub(r"[^\w\- ]", "", match[2]).strip().lower().replace(" ", "-")
    seen[name] = seen.get(name, -1) + 1
    name += f"-{seen[name]}" if seen[name] else ""
    return f"{match[1]} {match[2]} {{#{anchor(page, name)}}}"


def link(match):
    text, target = match[2], match[3]
    if match[1]:  # a picture
        return match[0] if os.path.exists(os.path.join(os.path.dirname(path), target)) else text
    if "://" in target:
        return match[0]
    file, _, place = target.partition("#")
    if place:
        return f"[{text}](#{anchor(os.path.basename(file) or page, place)})"
    return match[0] if file.endswith(".md") else text


def code(text):
    return html.escape(text, quote=False).replace(":", "&#58;").replace("#", "\\#")


def line(text):
    text = re.sub(r"^(#+) (.*)$", heading, text)
    # What stands in backquotes is code.
    parts = re.split(r"(`[^`]*`(?!\]))", text)
    parts = [re.sub(r"(!?)\[([^][]*)\]\(([^()\s]+)\)", link, part) for part in parts]
    if text.startswith("|"):  # where doxygen looks for its own syntax in code, too
        parts[1::2] = [f"<code>{code(part[1:-1])}</code>" for part in parts[1::2]]
    return "".join(parts)


fenced = False
for text in open(path, encoding="utf-8").read().split("\n"):
    fenced ^= text.lstrip().startswith("```")
    print(text if fenced else line(text))

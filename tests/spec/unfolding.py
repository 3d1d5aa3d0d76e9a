"""Rewrites folded ``try`` of the old exception proposal into its flat form.

wasm-tools reads only the flat one, and the suite's legacy folder is written in the folded one. The rest
of a script goes through as it is, in the same lines.
"""

from __future__ import annotations

import re

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|\(;.*?;\)|;;[^\n]*|\(|\)|\s+|[^\s()";]+|;', re.DOTALL)
# What may stand in parentheses within an instruction without being an instruction.
_OPERANDS = ("param", "result", "type")
_BLOCKS = ("block", "loop", "try", "try_table")

Node = str | list["Node"]


def unfold(script: str) -> str:
    """``script`` with the bodies of its functions unfolded, where a file uses ``try``."""
    return "".join(map(_print, (_function(node) for node in _parse(script))))


def _parse(text: str) -> list[Node]:
    """Nested lists; white space and comments are kept as strings of their own."""
    top: list[Node] = []
    stack = [top]
    for token in _TOKEN.findall(text):
        if token == "(":
            inner: list[Node] = []
            stack[-1].append(inner)
            stack.append(inner)
        elif token == ")":
            stack.pop()
        else:
            stack[-1].append(token)
    return top


def _print(node: Node) -> str:
    return node if isinstance(node, str) else f"({''.join(map(_print, node))})"


def _head(node: Node) -> str:
    return node[0] if isinstance(node, list) and node and isinstance(node[0], str) else ""


def _blank(node: Node) -> bool:
    return isinstance(node, str) and (node.isspace() or node.startswith((";;", "(;")))


def _function(node: Node) -> Node:
    if isinstance(node, str):
        return node
    if _head(node) != "func":
        return [_function(child) for child in node]
    keep = (*_OPERANDS, "local", "export", "import")
    out: list[Node] = []
    for child in node:
        if isinstance(child, list) and _head(child) not in keep:
            out.extend(_instruction(child))
        else:
            out.append(child)
    return out


def _instructions(nodes: list[Node]) -> list[Node]:
    out: list[Node] = []
    for node in nodes:
        out.extend([node] if isinstance(node, str) or _head(node) in _OPERANDS else _instruction(node))
    return out


def _instruction(node: list[Node]) -> list[Node]:
    """The flat form of one folded instruction."""
    head, rest = _head(node), node[1:]
    if head in _BLOCKS:
        out = [head, *_parts(rest)]
        return out if "delegate" in map(_head, rest) else [*out, " end "]
    if head == "if":
        condition: list[Node] = []
        arms: list[Node] = []
        prefix: list[Node] = []
        for child in rest:
            if _head(child) in ("then", "else"):
                assert isinstance(child, list)
                arms += [" else " if _head(child) == "else" else "", *_instructions(child[1:])]
            elif isinstance(child, str) or _head(child) in _OPERANDS:
                (arms if arms else prefix).append(child)
            else:
                condition += _instruction(child)
        return [" ", *condition, " if ", *prefix, *arms, " end "]
    # A plain instruction: its operands come first, then it with its immediates.
    operands: list[Node] = []
    immediates: list[Node] = []
    for child in rest:
        if isinstance(child, list) and _head(child) not in _OPERANDS:
            operands += _instruction(child)
        else:
            immediates.append(child)
    return [" ", *operands, " ", head, *immediates, " "]


def _parts(nodes: list[Node]) -> list[Node]:
    """The inside of a block: the parts of a try lose their parentheses."""
    out: list[Node] = []
    for node in nodes:
        head = _head(node)
        if head in ("catch", "catch_all", "delegate"):
            assert isinstance(node, list)
            index = next((i for i, child in enumerate(node[1:], 1) if not _blank(child)), len(node))
            take = index + 1 if head != "catch_all" else 1
            out += [" ", *node[:take], " ", *_instructions(node[take:]), " "]
        elif head == "do":
            assert isinstance(node, list)
            out += _instructions(node[1:])
        elif isinstance(node, str) or head in _OPERANDS:
            out.append(node)
        else:
            assert isinstance(node, list)
            out += _instruction(node)
    return out

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A document as it is installed: what its links lead to is there, and where it is not the words stay alone.

Usage: installed.py SOURCE PATH OUT DOCUMENT...   PATH, DOCUMENT: below the folder of documents, as installed
"""
import posixpath
import re
import sys


def main():
    source, path, out, *documents = sys.argv[1:]

    def kept(match):
        words, target = match.groups()
        there = posixpath.normpath(posixpath.join(posixpath.dirname(path), target.split('#')[0]))
        is_there = there in documents or re.fullmatch(r'examples/[\w-]+/.+', there) is not None
        return match.group(0) if is_there or target.startswith(('#', 'http:', 'https:')) else words

    with open(source, encoding='utf-8') as file:
        text = file.read()
    with open(out, 'w', encoding='utf-8') as file:
        file.write(re.sub(r'(?<!!)\[([^]\[]*)\]\(([^()\s]+)\)', kept, text))


main()

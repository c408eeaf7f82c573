#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Prove from two link maps that the metal image and a Linux program consist of the same objects.

objects.py BUILD IMAGE_MAP LINUX_MAP --shared LIBRARY... --only-image LIBRARY... [--missing FILE]

Every member of every shared library is in both, from the same file, but for those that the file of missing
ones lists, each with the reason (objects-app.txt): these are exactly the members that are not in the image. The image has
nothing else but the libraries named as its own and its main object. Works with the maps of BFD ld and of lld.
"""
import argparse
import os
import re
import subprocess
import sys

# vk/libvk.a.p/base.c.o (thin archive, BFD), vk/libvk.a(base.c.o), vk/libvk.a(libvk.a.p/base.c.o) (lld)
MEMBER = re.compile(r'([\w./+-]+\.a)(?:\.p/|\((?:[\w.+-]+\.p/)?)([\w./+-]+\.o)')
LOOSE = re.compile(r'([\w./+-]+)\.p/([\w./+-]+\.o)')


def members_of_map(path):
    """{(archive, object)}, with the name of the program as archive for objects that are in none."""
    found = set()
    with open(path, encoding='utf-8') as lines:
        for line in lines:
            match = MEMBER.search(line) or LOOSE.search(line)
            if match:
                # What is compiled for size is a library of its own and part of the other one.
                archive = os.path.normpath(match[1]).replace('_seldom.a', '.a')
                found.add((archive, os.path.basename(match[2])))
    return found


def members_of_archive(build, archive):
    listing = subprocess.run(['ar', 't', os.path.join(build, archive)], check=True, capture_output=True)
    return {(archive, os.path.basename(name)) for name in listing.stdout.decode().split()}


def listed(path):
    """Members that the image has not, and those of them that the Linux program has neither."""
    missing, nowhere = set(), set()
    with open(path, encoding='utf-8') as lines:
        for line in (line for line in lines if not line.startswith('#')):
            place, _, reason = line.strip().partition(': ')
            archive, member, where = place.split()
            if not reason or where not in ('linux', 'nowhere'):
                sys.exit(f'{path}: expected ARCHIVE OBJECT linux|nowhere: REASON, not {line!r}')
            missing.add((archive, member))
            if where == 'nowhere':
                nowhere.add((archive, member))
    return missing, nowhere


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('build')
    parser.add_argument('image_map')
    parser.add_argument('linux_map')
    parser.add_argument('--shared', nargs='+', required=True)
    parser.add_argument('--only-image', nargs='+', required=True)
    parser.add_argument('--missing')
    args = parser.parse_args()

    image, linux = members_of_map(args.image_map), members_of_map(args.linux_map)
    shared = set()
    for library in args.shared:
        archive = os.path.relpath(library, args.build)
        shared |= members_of_archive(args.build, archive)
    own = {os.path.relpath(library, args.build) for library in args.only_image}
    program = os.path.relpath(args.image_map, args.build).removesuffix('.map') + '.elf'

    missing, nowhere = listed(args.missing) if args.missing else (set(), set())
    problems = [f'{a}({m}) is not in the image' for a, m in sorted(shared - image - missing)]
    problems += [f'{a}({m}) is not in the Linux program' for a, m in sorted(shared - linux - nowhere)]
    problems += [f'{a}({m}) is listed as missing: the library has it not' for a, m in sorted(missing - shared)]
    problems += [f'{a}({m}) is listed as missing, and the image has it' for a, m in sorted(missing & image)]
    problems += [f'{a}({m}) is listed as nowhere, and the Linux program has it' for a, m in sorted(nowhere & linux)]
    problems += [f'{a}({m}) has no business in the image' for a, m in sorted(image - shared)
                 if a not in own and a != program]
    if not shared:
        problems.append('the shared libraries are empty')
    print('\n'.join(problems) or f'{len(shared - missing)} objects of {len(args.shared)} libraries are the same'
          + (f'; {len(missing)} are not in the image, as listed' if missing else ''))
    sys.exit(1 if problems else 0)


if __name__ == '__main__':
    main()

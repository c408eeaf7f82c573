#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""vkd inside of another Meson project.

Goal: dependency('vk'), dependency('vkc') and find_program('vkd') are all that an outer project says, and none of our tests, examples
and images come with them.
Method: a scratch project with this tree among its subprojects, built without a network, and its test run.

Usage: test_subproject.py SOURCE
"""
import json
import os
import shutil
import subprocess
import sys
import tempfile

SOURCE = os.path.abspath(sys.argv[1])
HERE = os.path.join(SOURCE, 'tests', 'package')


def run(*command, **options):
    done = subprocess.run(command, check=False, capture_output=True, text=True, stdin=subprocess.DEVNULL, **options)
    if done.returncode != 0:
        sys.exit(f'{" ".join(command)} ended with {done.returncode}:\n{done.stdout}{done.stderr}')
    return done.stdout


def main():
    with tempfile.TemporaryDirectory() as scratch:
        outer = os.path.join(scratch, 'outer')
        build = os.path.join(scratch, 'build')
        shutil.copytree(os.path.join(HERE, 'outer'), outer)
        for name in ('consumer.c', 'installed.vk'):
            shutil.copy(os.path.join(HERE, name), outer)
        os.symlink(SOURCE, os.path.join(outer, 'subprojects', 'vkd'))
        # Unoptimised, since nothing here is measured.
        run('meson', 'setup', '--wrap-mode=nodownload', '--buildtype=plain', build, outer)
        run('ninja', '-C', build)
        run('meson', 'test', '-C', build, '--no-rebuild', '--print-errorlogs')
        tests = [test['name'] for test in json.loads(run('meson', 'introspect', '--tests', build))]
        targets = json.loads(run('meson', 'introspect', '--targets', build))
    inside = os.path.join('subprojects', 'vkd') + os.sep
    uninvited = sorted(target['name'] for target in targets
                       for folder in ('tests', 'bench', 'examples') if inside + folder in target['defined_in'])
    installed = sorted(target['name'] for target in targets if target['type'] == 'executable' and target['installed'])
    failed = (tests != ['answers', 'compiles']) + (installed != ['vkd']) + (uninvited != [])
    if failed:
        print(f'tests {tests}, programs installed {installed}, uninvited {uninvited}')
    print(f'{5 - failed} passed, {failed} failed')
    return failed != 0


if __name__ == '__main__':
    sys.exit(main())

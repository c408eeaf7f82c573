#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The file that is booted stays small: hello's image, as `vkd metal --image` writes it, within its budget.

Usage: image_size.py VKD PROGRAM
"""
import os
import subprocess
import sys
import tempfile

BUDGET_BYTES = 256 * 1024


def main():
    vkd, program = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        image = os.path.join(folder, 'image.elf')
        subprocess.run([vkd, 'metal', '--image', image, program], check=True, stdout=subprocess.DEVNULL)
        size = os.path.getsize(image)
    if size > BUDGET_BYTES:
        print(f'the image of {os.path.basename(program)} has {size} bytes, {size - BUDGET_BYTES} above its budget of {BUDGET_BYTES}.\n'
              'What grew: `size -A` and `nm -S --size-sort` of metal/app/app.elf in the build folder, against those of the last\n'
              'commit that was within; `./dev bench metal` prints the sizes that docs/metal.md tells.')
        return 1
    print(f'{size} bytes, {BUDGET_BYTES - size} left')
    return 0


if __name__ == '__main__':
    sys.exit(main())

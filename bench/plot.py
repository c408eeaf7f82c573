# SPDX-License-Identifier: Apache-2.0
"""Plots as SVG text: horizontal bars, and lines over a logarithmic axis.

No library: a picture is a list of elements in pixels. Its colours follow the reader's light or dark setting, its own
background too, so that it is readable wherever it is shown.
"""
import math
from xml.sax.saxutils import escape

WIDTH = 860
FONT = 13
BAR, GAP = 13, 9  # of one bar, and between groups
LEFT, RIGHT, TOP, BOTTOM = 190, 78, 62, 48
LINES_HEIGHT = 470
LABEL_STEP = 15  # the least distance between labels of lines
TEXT_WIDTH = 7.2  # of a letter, about
COLOURS = 9
STYLE = '''
text { font: 13px system-ui, "DejaVu Sans", Arial, sans-serif; fill: #1f2328; }
.title { font-size: 16px; font-weight: 600; }
.ours { font-weight: 700; }
.back { fill: #ffffff; }
.grid { stroke: #d9dee3; stroke-width: 1; }
.axis { stroke: #59636e; stroke-width: 1; }
.a { fill: #8c959f; } .b { fill: #c4cbd2; }
.ours.a { fill: #0969da; } .ours.b { fill: #80b8f5; }
.line { fill: none; stroke-width: 2; } .line.ours { stroke-width: 3; }
%s
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3; }
.back { fill: #0d1117; }
.grid { stroke: #30363d; }
.axis { stroke: #9198a1; }
.a { fill: #7d8590; } .b { fill: #484f58; }
.ours.a { fill: #58a6ff; } .ours.b { fill: #1f5fae; }
%s
}
'''
LIGHT = ('#0969da', '#1b7c83', '#8250df', '#cf222e', '#bc4c00', '#4d7c0f', '#bf3989', '#6e5b1e', '#57606a')
DARK = ('#58a6ff', '#39c5cf', '#bc8cff', '#ff7b72', '#f0883e', '#7ee787', '#f778ba', '#e3b341', '#b1bac4')
DASHES = ('', '7 3', '2 3')


def style():
    def rules(colours):
        return '\n'.join(f'.c{i} {{ stroke: {c}; }} .f{i} {{ fill: {c}; }}' for i, c in enumerate(colours))
    return STYLE % (rules(LIGHT), rules(DARK))


def text(x, y, what, anchor='start', kind=''):
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"' + (f' class="{kind}"' if kind else '') \
        + f'>{escape(what)}</text>'


def segment(x1, y1, x2, y2, kind):
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" class="{kind}"/>'


def document(height, title, elements):
    return '\n'.join([
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height:.0f}" '
        f'viewBox="0 0 {WIDTH} {height:.0f}" role="img">',
        f'<title>{escape(title)}</title>', f'<style>{style()}</style>',
        f'<rect class="back" width="{WIDTH}" height="{height:.0f}"/>', text(16, 26, title, kind='title'),
        *elements, '</svg>', ''])


def short(value):
    """A number as one writes it at an axis or a bar."""
    if value == 0:
        return '0'
    if value >= 100:
        return f'{value:,.0f}'
    digits = max(0, 2 - math.floor(math.log10(value)))
    rounded = f'{value:.{digits}f}'
    return rounded.rstrip('0').rstrip('.') if '.' in rounded else rounded


def linear_ticks(most, count=6):
    """From 0 on, in steps of 1, 2 or 5 times a power of ten, as far as needed to reach most."""
    step = 10 ** math.floor(math.log10(most / count))
    step = next(step * factor for factor in (1, 2, 5, 10) if step * factor * count >= most)
    return [step * i for i in range(math.ceil(most / step - 1e-9) + 1)]


def log_ticks(least, most):
    """Powers of ten, and 2 and 5 times these where there are few, from below least to above most."""
    begin, end = math.floor(math.log10(least)), math.ceil(math.log10(most))
    factors = (1, 2, 5) if end - begin <= 3 else (1,)
    ticks = [10 ** e * factor for e in range(begin, end + 1) for factor in factors]
    below = [t for t in ticks if t <= least * 1.0001] or ticks[:1]
    above = [t for t in ticks if t >= most * 0.9999] or ticks[-1:]
    return [t for t in ticks if below[-1] <= t <= above[0]]


class Scale:
    """From values to pixels."""

    def __init__(self, ticks, begin_px, end_px, is_log):
        self.ticks, self.begin_px, self.end_px = ticks, begin_px, end_px
        self.map = math.log10 if is_log else float

    def __call__(self, value):
        first, last = self.map(self.ticks[0]), self.map(self.ticks[-1])
        return self.begin_px + (self.map(value) - first) / (last - first) * (self.end_px - self.begin_px)


def scale(values, begin_px, end_px, is_log):
    ticks = log_ticks(min(values), max(values)) if is_log else linear_ticks(max(values))
    if len(ticks) < 2:  # a single power of ten
        ticks = [ticks[0], ticks[0] * 10]
    return Scale(ticks, begin_px, end_px, is_log)


def legend(names, x):
    """Of the two kinds of bars, both in our colour and in the others'."""
    elements = []
    for kind, name in zip('ab', names):
        elements += [f'<rect x="{x}" y="40" width="12" height="12" class="ours {kind}"/>',
                     f'<rect x="{x + 14}" y="40" width="12" height="12" class="{kind}"/>', text(x + 32, 51, name)]
        x += 32 + TEXT_WIDTH * len(name) + 30
    return elements


def bars(title, unit, groups, names=(), is_log=False):
    """groups: (label, its values, whether it is ours); names: of the values in a group, where there are several."""
    values = [v for _, group, _ in groups for v in group if v is not None and v > 0]
    if not values:
        return ''
    across = scale(values, LEFT, WIDTH - RIGHT, is_log)
    elements, y = [], TOP
    for label, group, is_ours in groups:
        kind = 'ours ' if is_ours else ''
        elements.append(text(LEFT - 8, y + BAR * len(group) / 2 + 4.5, label, 'end', kind.strip()))
        for i, value in enumerate(group):
            if value is not None:
                x = max(LEFT, across(value)) if value > 0 or not is_log else LEFT
                elements += [f'<rect x="{LEFT}" y="{y:.1f}" width="{max(1, x - LEFT):.1f}" height="{BAR - 1}" '
                             f'class="{kind}{"ab"[i]}"/>', text(x + 5, y + BAR - 2.5, short(value))]
            y += BAR
        y += GAP
    grid = []
    for tick in across.ticks:
        grid += [segment(across(tick), TOP - 4, across(tick), y, 'grid'),
                 text(across(tick), y + 17, short(tick), 'middle')]
    axis = [segment(LEFT, TOP - 4, LEFT, y, 'axis'), text((LEFT + WIDTH - RIGHT) / 2, y + 37, unit, 'middle')]
    return document(y + BOTTOM, title, grid + legend(names, LEFT) + elements + axis)


def spread(wanted, least_distance, top, bottom):
    """Positions near the wanted ones, in their order, none closer than least_distance, all between top and bottom."""
    order = sorted(range(len(wanted)), key=lambda i: wanted[i])
    placed = [0.0] * len(wanted)
    below = top - least_distance
    for i in order:
        below = placed[i] = max(wanted[i], below + least_distance)
    above = bottom + least_distance
    for i in reversed(order):
        above = placed[i] = min(placed[i], above - least_distance)
    return placed


def lines(title, x_unit, y_unit, series):
    """series: (label, [(x, y)], whether it is ours). Both axes are logarithmic; labels stand at the lines' ends."""
    points = [point for _, line, _ in series for point in line]
    if not points:
        return ''
    left, right, bottom = 62, 200, LINES_HEIGHT - BOTTOM
    x_scale = scale([x for x, _ in points], left, WIDTH - right, True)
    y_scale = scale([y for _, y in points], bottom, TOP, True)
    elements = []
    for tick in x_scale.ticks:
        if math.log10(tick) == round(math.log10(tick)):
            elements += [segment(x_scale(tick), TOP, x_scale(tick), bottom, 'grid'),
                         text(x_scale(tick), bottom + 17, f'{tick:,.0f}', 'middle')]
    for tick in y_scale.ticks:
        elements += [segment(left, y_scale(tick), WIDTH - right, y_scale(tick), 'grid'),
                     text(left - 7, y_scale(tick) + 4.5, short(tick), 'end')]
    elements += [segment(left, bottom, WIDTH - right, bottom, 'axis'), segment(left, TOP, left, bottom, 'axis'),
                 text((left + WIDTH - right) / 2, bottom + 38, x_unit, 'middle'), text(16, 50, y_unit)]
    ends = [y_scale(line[-1][1]) for _, line, _ in series]
    for number, ((label, line, is_ours), y) in enumerate(zip(series, spread(ends, LABEL_STEP, TOP, bottom))):
        colour, dash = number % COLOURS, DASHES[number // COLOURS % len(DASHES)]
        kind = f'c{colour}{" ours" if is_ours else ""}'
        path = ' '.join(f'{x_scale(px):.1f},{y_scale(py):.1f}' for px, py in line)
        end_x = x_scale(line[-1][0])
        elements += [f'<polyline points="{path}" class="line {kind}"'
                     + (f' stroke-dasharray="{dash}"' if dash else '') + '/>']
        elements += [f'<circle cx="{x_scale(px):.1f}" cy="{y_scale(py):.1f}" r="3" class="f{colour}"/>'
                     for px, py in line]
        elements += [segment(end_x + 4, y_scale(line[-1][1]), WIDTH - right + 16, y, f'c{colour}'),
                     text(WIDTH - right + 20, y + 4.5, f'{label}  {short(line[-1][1])}', kind=f'f{colour}'
                          + (' ours' if is_ours else ''))]
    return document(LINES_HEIGHT, title, elements)

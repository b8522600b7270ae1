"""A plot of time against the number of files, as SVG; both axes are logarithmic."""

import math

WIDTH, HEIGHT, MARGIN = 640, 400, 60
COLOURS = ("#1f77b4", "#d62728", "#2ca02c")


def plot(counts, curves):
    """`curves`: seconds at each of the counts, by name."""
    seconds = [value for values in curves.values() for value in values]
    across = _scale(counts, MARGIN, WIDTH - MARGIN / 2)
    up = _scale(seconds, HEIGHT - MARGIN, MARGIN / 2)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        'font-family="sans-serif" font-size="12">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
        f'<text x="{WIDTH / 2}" y="{HEIGHT - 12}" text-anchor="middle">files</text>',
        f'<text x="16" y="{HEIGHT / 2}" text-anchor="middle" '
        f'transform="rotate(-90 16 {HEIGHT / 2})">seconds</text>',
    ]
    for power in _powers(counts):
        x = across(power)
        parts.append(f'<path d="M{x:.1f} {MARGIN / 2}V{HEIGHT - MARGIN}" stroke="#ddd"/>')
        parts.append(f'<text x="{x:.1f}" y="{HEIGHT - MARGIN + 18}" text-anchor="middle">{power:g}</text>')
    for power in _powers(seconds):
        y = up(power)
        parts.append(f'<path d="M{MARGIN} {y:.1f}H{WIDTH - MARGIN / 2}" stroke="#ddd"/>')
        parts.append(f'<text x="{MARGIN - 6}" y="{y + 4:.1f}" text-anchor="end">{power:g}</text>')
    for number, (name, values) in enumerate(curves.items()):
        colour = COLOURS[number % len(COLOURS)]
        points = [(across(count), up(value)) for count, value in zip(counts, values, strict=True)]
        line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        parts.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{colour}"/>' for x, y in points]
        parts += [
            f'<text x="{x - 8:.1f}" y="{y - 8:.1f}" text-anchor="end" fill="{colour}">{value:.3g} s</text>'
            for (x, y), value in zip(points, values, strict=True)
        ]
        y = MARGIN / 2 + 18 * (number + 1)
        parts.append(f'<text x="{MARGIN + 12}" y="{y}" fill="{colour}">{name}</text>')
    return "\n".join([*parts, "</svg>", ""])


def _powers(values):
    """The powers of ten around the values."""
    first, last = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    return [10.0**power for power in range(first, last + 1)]


def _scale(values, start, end):
    powers = _powers(values)
    low, high = math.log10(powers[0]), math.log10(powers[-1])
    return lambda value: start + (math.log10(value) - low) / (high - low) * (end - start)

"""Make rangegeo/field/correction_l40.npz: what SatCLIP's printed spherical harmonics add to the true ones.

SatCLIP evaluates text that sympy printed with 15 significant digits (spherical_harmonics_ylm.py). Here sympy prints
the same text again, every printed number is read as the double that Python makes of it, the product is expanded in
exact rational arithmetic, and the true function is subtracted:

    printed(l, m) = true(l, m) + sin(theta)^m d(cos(theta)),    d stored as doubles

    python workflows/harmonics/make_correction.py [--out FILE] [--degree 40]

Source: microsoft/SatCLIP, satclip/positional_encoding/spherical_harmonics_generate_ylms.py; sympy 1.14.0 and
mpmath 1.3.0 reproduce the published text character for character.
"""

from __future__ import annotations

import argparse
import ast
from collections import defaultdict
from collections.abc import Iterable
from fractions import Fraction
from math import comb, factorial, perm
from pathlib import Path
from typing import NamedTuple

import mpmath
import numpy as np
import sympy

SHIPPED = Path(__file__).resolve().parents[2] / "rangegeo" / "field" / "correction_l40.npz"
DIGITS = 60  # of the true coefficients; the largest is 1e14, so a difference keeps more than 40

Polynomial = dict[int, Fraction]  # coefficient of every power of c = cos(theta)
SIN_SQUARED: Polynomial = {0: Fraction(1), 2: Fraction(-1)}


class Product(NamedTuple):
    """sin(theta)^sine times a polynomial in cos(theta)."""

    sine: int
    polynomial: Polynomial


def printed_text(l: int, m: int) -> str:
    """The text that SatCLIP's generator prints for degree l and order m >= 0."""
    theta, phi = sympy.symbols("theta phi")
    legendre = sympy.assoc_legendre(l, m, sympy.cos(theta))
    if m == 0:
        # The published weights depend on this slip: ((2l + 1) / 4) * pi where (2l + 1) / (4 pi) was meant.
        expression = sympy.sqrt((2 * l + 1) / 4 * sympy.pi) * legendre
    else:
        ratio = sympy.factorial(l - m) / sympy.factorial(l + m)
        norm = sympy.sqrt(((2 * l + 1) / (4 * sympy.pi)) * ratio)
        expression = (-1) ** m * sympy.sqrt(2) * (norm * legendre) * sympy.cos(m * phi)
    return str(expression.evalf())


def printed_polynomial(l: int, m: int) -> Polynomial:
    """The exact polynomial in cos(theta) that the printed doubles mean, sin(theta)^m taken out."""
    sine, polynomial = _read(ast.parse(printed_text(l, m), mode="eval").body)
    while sine < m:  # a power of 1 - c^2 that sympy multiplied out
        polynomial = _divide_by_sin_squared(polynomial)
        sine += 2
    return polynomial


def true_polynomial(l: int, m: int) -> dict[int, mpmath.mpf]:
    """The same without printing: norm times d^m/dc^m of the Legendre polynomial of degree l, at mpmath's precision."""
    if m == 0:
        norm = mpmath.sqrt(mpmath.mpf(2 * l + 1) * mpmath.pi / 4)
    else:
        norm = mpmath.sqrt(mpmath.mpf(2 * l + 1) * factorial(l - m) / (2 * mpmath.pi * factorial(l + m)))
    coefficients = {}
    for k in range((l - m) // 2 + 1):
        power = l - 2 * k
        legendre = Fraction((-1) ** k * comb(l, k) * comb(2 * power + 2 * k, l), 2**l)
        coefficients[power - m] = norm * _mpf(legendre * perm(power, m))
    return coefficients


def correction(l: int, m: int) -> list[float]:
    """Printed minus true: one double for every power of cos(theta) with the parity of l - m, ascending."""
    with mpmath.workdps(DIGITS):
        printed, true = printed_polynomial(l, m), true_polynomial(l, m)
        if not printed.keys() <= true.keys():
            raise ValueError(f"the text printed for degree {l} and order {m} has powers that the function has not")
        return [float(_mpf(printed.get(power, Fraction(0))) - true[power]) for power in sorted(true)]


def correction_table(pairs: Iterable[tuple[int, int]]) -> dict[str, np.ndarray]:
    """The arrays of the shipped file for these (l, m): the pairs, how many coefficients each has, all of them."""
    pairs = list(pairs)
    rows = [correction(l, m) for l, m in pairs]
    return {
        "lm": np.array(pairs, dtype=np.int16),
        "n": np.array([len(row) for row in rows], dtype=np.int16),
        "coef": np.array([value for row in rows for value in row], dtype=np.float64),
    }


def _read(node: ast.expr) -> Product:
    """Expand a printed expression in exact arithmetic."""
    match node:
        case ast.Constant(value=value):
            return Product(0, {0: Fraction(value)})
        case ast.Call(func=ast.Name(id="cos"), args=[argument]):
            of_theta = isinstance(argument, ast.Name) and argument.id == "theta"
            return Product(0, {1 if of_theta else 0: Fraction(1)})  # cos(m phi) is no part of the polynomial
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return _multiply(Product(0, {0: Fraction(-1)}), _read(operand))
        case ast.BinOp(left=left, op=ast.Mult(), right=right):
            return _multiply(_read(left), _read(right))
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return _add(_read(left), _read(right), 1)
        case ast.BinOp(left=left, op=ast.Sub(), right=right):
            return _add(_read(left), _read(right), -1)
        case ast.BinOp(left=left, op=ast.Pow(), right=ast.Constant(value=exponent)):
            return _power(_read(left), exponent)
    raise ValueError(f"not a form that SatCLIP's generator prints: {ast.unparse(node)}")


def _multiply(a: Product, b: Product) -> Product:
    total = defaultdict(Fraction)
    for i, x in a.polynomial.items():
        for j, y in b.polynomial.items():
            total[i + j] += x * y
    return Product(a.sine + b.sine, dict(total))


def _add(a: Product, b: Product, sign: int) -> Product:
    if a.sine or b.sine:
        raise ValueError("a printed sum holds a power of the sine")
    powers = a.polynomial.keys() | b.polynomial.keys()
    return Product(0, {k: a.polynomial.get(k, Fraction(0)) + sign * b.polynomial.get(k, Fraction(0)) for k in powers})


def _power(base: Product, exponent: float) -> Product:
    if base == Product(0, SIN_SQUARED):
        return Product(int(2 * exponent), {0: Fraction(1)})
    if base == Product(0, {1: Fraction(1)}):
        return Product(0, {int(exponent): Fraction(1)})
    raise ValueError(f"a printed power of something else than cos(theta) and 1 - cos(theta)^2: {base}")


def _divide_by_sin_squared(polynomial: Polynomial) -> Polynomial:
    quotient, rest = {}, dict(polynomial)
    while any(rest.values()):
        power = max(k for k, value in rest.items() if value)
        if power < 2:
            raise ValueError("a printed polynomial lacks its power of the sine")
        quotient[power - 2] = -rest[power]
        rest[power - 2] = rest.get(power - 2, Fraction(0)) + rest.pop(power)
    return quotient


def _mpf(fraction: Fraction) -> mpmath.mpf:
    return mpmath.mpf(fraction.numerator) / fraction.denominator


def main() -> None:
    parser = argparse.ArgumentParser(description="Make the correction table of SatCLIP's printed harmonics.")
    parser.add_argument("--out", type=Path, default=SHIPPED, help="file to write (default: the shipped table)")
    parser.add_argument("--degree", type=int, default=40, help="L: degrees 0 to L-1 (default: 40)")
    arguments = parser.parse_args()
    table = correction_table((l, m) for l in range(arguments.degree) for m in range(l + 1))
    with open(arguments.out, "wb") as file:
        np.savez(file, **table)
    print(f"{arguments.out}: {len(table['n'])} polynomials, {len(table['coef'])} coefficients")


if __name__ == "__main__":
    main()

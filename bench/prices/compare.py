#!/usr/bin/env python3
"""How many prices of the table the `price-parser` package reads; ours reads all of them, which a test holds.

    python3 -m venv VENV && VENV/bin/pip install price-parser==0.5.1 && VENV/bin/python bench/prices/compare.py
"""

from decimal import Decimal
from pathlib import Path

from price_parser import Price

TABLE = Path(__file__).parents[2] / "crates/pagewire-extract/tests/prices.tsv"


def main() -> None:
    rows = [line.split("\t") for line in TABLE.read_text("utf-8").splitlines() if not line.startswith("#")]
    amounts = currencies = 0
    for text, amount, sign, _ in rows:
        price = Price.fromstring(text)
        same_amount = price.amount == (Decimal(amount) if amount else None)
        same_currency = (price.currency or "").rstrip(".") == sign.rstrip(".")
        amounts += same_amount
        currencies += same_currency
        if not (same_amount and same_currency):
            print(f"{text!r}: {price.amount} {price.currency!r}, meant {amount or None} {sign!r}")
    print(f"price-parser: {amounts} of {len(rows)} amounts, {currencies} currencies")


if __name__ == "__main__":
    main()

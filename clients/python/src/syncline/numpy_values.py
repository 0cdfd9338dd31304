"""Values of NumPy and pandas in rows, without importing either."""

from __future__ import annotations

from typing import Any


def is_missing(value: Any) -> bool:
    """Whether `value` is pandas.NA or NaT, or the NaT of NumPy, which are NULL."""
    if type(value).__name__ in ("NAType", "NaTType"):
        return True
    return type(value).__name__ in ("datetime64", "timedelta64") and str(value) == "NaT"


def is_numpy(value: Any) -> bool:
    """Whether `value` is a scalar or an array of NumPy."""
    return hasattr(value, "tolist") and hasattr(value, "dtype")


def from_numpy(value: Any) -> Any:
    """Returns the value of Python for a scalar of NumPy, or the list for an array.

    Times lose what is finer than a microsecond. In nanoseconds, NumPy would make them numbers.
    """
    if value.dtype.kind in "mM":
        value = value.astype(f"{'datetime' if value.dtype.kind == 'M' else 'timedelta'}64[us]")
    return value.tolist()

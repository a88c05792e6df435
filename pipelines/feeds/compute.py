"""`pyarrow.compute` as `pc`: its functions are made at run time, so that a type checker sees none of them."""

from __future__ import annotations

from typing import Any

import pyarrow.compute

pc: Any = pyarrow.compute

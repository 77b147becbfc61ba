"""Golden steps for crates/sample/src/dormand_prince.rs: SciPy's RK45 on the predator-prey equation.

    python references/golden/solve_ivp.py    # writes references/golden/solve_ivp.json
"""

import json
import pathlib

import scipy
from scipy.integrate import solve_ivp


def slope(t, y):
    return [1.5 * y[0] - y[0] * y[1], -3.0 * y[1] + y[0] * y[1]]


rows = []
for start, end, tolerance in [(0.0, 10.0, 1e-3), (0.0, 10.0, 1e-6), (5.0, 0.0, 1e-8)]:
    found = solve_ivp(slope, (start, end), [10.0, 5.0], method="RK45", rtol=tolerance, atol=tolerance)
    rows.append(
        {
            "start": start,
            "end": end,
            "tolerance": tolerance,
            "state": [float(y) for y in found.y[:, -1]],
            "calls": found.nfev,
            "steps": len(found.t) - 1,
        }
    )
golden = {"scipy": scipy.__version__, "begin": [10.0, 5.0], "rows": rows}
path = pathlib.Path(__file__).parent / "solve_ivp.json"
path.write_text(json.dumps(golden, indent=1) + "\n")

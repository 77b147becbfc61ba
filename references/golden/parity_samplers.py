"""Golden trajectories for crates/sample: every sampler against diffusers' and k-diffusion's, with the same noise.

    python references/golden/parity_samplers.py    # writes references/golden/parity_{diffusers,diffusers_stages,k_diffusion}.json

The models are known in closed form: a mixture and a Gaussian with different moments for each value, and a tiny fixed
non-linear function of the picture and its level. Everything is computed in float64; where the libraries say float32 they are
given float64. The noise is langevin's own, generated here from the definition (ChaCha8, Box-Muller, one stream for each
picture), so that a stochastic walk can be compared step by step. Diffusers' schedulers run with each prediction type they
take; the script fails if those walks differ.
"""

import importlib.metadata
import json
import math
import pathlib
import warnings

import numpy as np
import scipy.integrate
import torch

from samplers import denoise as mixture, k_diffusion

np.float32 = np.float64
warnings.filterwarnings("ignore")

import diffusers  # noqa: E402  (after the precision is set)
import diffusers.schedulers as schedulers  # noqa: E402

STEPS = [5, 10, 20, 50]
START = torch.tensor([[0.3, -1.2], [-0.7, 0.4]]).reshape(2, 2, 1, 1)


# ---- models: E[x0 | x] or something like it, for x = alpha x0 + sigma n


def gaussian(x, alpha, sigma):
    part = (torch.arange(2) + 0.5) / 2
    mean = (0.6 * torch.sin(7 * part)).reshape(1, 2, 1, 1)
    variance = (0.02 * 25**part).reshape(1, 2, 1, 1)
    return mean + alpha * variance / (alpha**2 * variance + sigma**2) * (x - alpha * mean)


def curved(x, alpha, sigma):
    size, time = math.hypot(alpha, sigma), sigma / (alpha + sigma)
    mixed = x.flip(1) * torch.tensor([0.9, -0.6]).reshape(1, 2, 1, 1)
    return torch.tanh((0.8 * x + mixed) / size + 0.4 * time - 0.2)


MODELS = {"mixture": mixture, "gaussian": gaussian, "curved": curved}


# ---- langevin's noise


def chacha8(key, counter, stream, words):
    """`words` words from block `counter` on."""
    rotate = lambda v, n: ((v << n) | (v >> (32 - n))) & 0xFFFFFFFF
    out = []
    while len(out) < words:
        state = [0x61707865, 0x3320646E, 0x79622D32, 0x6B206574]
        state += [int.from_bytes(key[4 * i : 4 * i + 4], "little") for i in range(8)]
        state += [counter & 0xFFFFFFFF, counter >> 32, stream & 0xFFFFFFFF, stream >> 32]
        w = list(state)

        def quarter(a, b, c, d):
            for x, y, z, n in [(a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)]:
                w[x] = (w[x] + w[y]) & 0xFFFFFFFF
                w[z] = rotate(w[z] ^ w[x], n)

        for _ in range(4):
            for i in range(4):
                quarter(i, 4 + i, 8 + i, 12 + i)
            for i in range(4):
                quarter(i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4)
        out += [(a + b) & 0xFFFFFFFF for a, b in zip(w, state)]
        counter += 1
    return out[:words]


def normal(step, seed=0, purpose=2):
    """Normal noise for two pictures of two values."""
    key = seed.to_bytes(8, "little") + purpose.to_bytes(8, "little") + b"langevin" + bytes(8)
    values = []
    for image in range(2):
        u = [(word + 0.5) / 2**32 for word in chacha8(key, (step << 32) // 16, image, 2)]
        radius, angle = math.sqrt(-2 * math.log(u[0])), 2 * math.pi * u[1]
        values.append([radius * math.cos(angle), radius * math.sin(angle)])
    return torch.tensor(values).reshape(2, 2, 1, 1)


class Brownian:
    """The path whose increments are the noise of langevin's SDE samplers, at levels given by sigma / alpha."""

    END = 1 << 16

    def __init__(self, start):
        self.points = {0: torch.zeros(2, 2, 1, 1), self.END: normal(self.END) * math.sqrt(self.END)}
        self.at = self.clock(start)

    def clock(self, ratio):
        root = float(ratio) ** 0.25
        return math.floor(root / (1 + root) * self.END + 0.5)

    def value(self, tick):
        low, high = 0, self.END
        while tick not in (low, high):
            middle = (low + high) // 2
            if middle not in self.points:
                mean = (self.points[low] + self.points[high]) / 2
                self.points[middle] = mean + normal(middle) * math.sqrt(high - low) / 2
            low, high = (low, middle) if tick <= middle else (middle, high)
        return self.points[tick]

    def noise(self, ratio, stay=False):
        there = min(self.clock(ratio), self.at - 1)
        made = (self.value(there) - self.value(self.at)) / math.sqrt(self.at - there)
        if not stay:
            self.at = there
        return made


# ---- k-diffusion


def k_diffusion_cases():
    sampling = k_diffusion()
    sampling.integrate = scipy.integrate
    grids = {
        "karras": {n: sampling.get_sigmas_karras(n, 0.02, 80.0) for n in STEPS},
        "exponential": {n: sampling.get_sigmas_exponential(n, 0.02, 20.0) for n in STEPS},
    }

    def plain(sigmas):
        # One draw for each step.
        order = [float(s) for s in sigmas]
        return lambda sigma, sigma_next: normal(order.index(float(sigma)))

    def brownian(sigmas):
        path, ends = Brownian(sigmas[0]), {f"{float(s):.9g}" for s in sigmas}
        # Towards a point inside a step the walk does not move.
        return lambda sigma, sigma_next: path.noise(sigma_next, f"{float(sigma_next):.9g}" not in ends)

    def step_by_step(order):
        def run(model, x, sigmas, callback, disable, **_):
            solver = sampling.DPMSolver(model)
            for i in range(len(sigmas) - 1):
                t, t_next = -sigmas[i].log(), -sigmas[i + 1].log()
                denoised = model(x, sigmas[i] * x.new_ones([2]))
                callback({"x": x, "i": i, "denoised": denoised})
                if sigmas[i + 1] == 0:
                    x = denoised
                else:
                    x = getattr(solver, f"dpm_solver_{order}_step")(x, t, t_next)[0]
            return x

        return run

    no_limit = "limit=1000000000"
    cases = [
        ("euler", sampling.sample_euler, {}, None),
        ("euler_a", sampling.sample_euler_ancestral, {}, plain),
        ("euler_a:eta=0.6,s_noise=1.01", sampling.sample_euler_ancestral, {"eta": 0.6, "s_noise": 1.01}, plain),
        (f"heun:{no_limit}", sampling.sample_heun, {}, None),
        (f"dpm2:{no_limit}", sampling.sample_dpm_2, {}, None),
        (f"dpm2_a:{no_limit}", sampling.sample_dpm_2_ancestral, {}, plain),
        ("lms", sampling.sample_lms, {}, None),
        ("lms:order=2", sampling.sample_lms, {"order": 2}, None),
        ("dpm_solver:order=2,longest=1000", step_by_step(2), {}, None),
        ("dpm_solver:longest=1000", step_by_step(3), {}, None),
        ("dpmpp_2s_a", sampling.sample_dpmpp_2s_ancestral, {}, plain),
        ("dpmpp_2s", sampling.sample_dpmpp_2s_ancestral, {"eta": 0.0}, None),
        ("dpmpp_2m", sampling.sample_dpmpp_2m, {}, None),
        ("dpmpp_sde", sampling.sample_dpmpp_sde, {}, brownian),
        ("dpmpp_sde:r=0.3,eta=0.7", sampling.sample_dpmpp_sde, {"r": 0.3, "eta": 0.7}, brownian),
        ("dpmpp_2m_sde", sampling.sample_dpmpp_2m_sde, {}, brownian),
        (
            "dpmpp_2m_sde:solver_type=heun,eta=0.7",
            sampling.sample_dpmpp_2m_sde,
            {"solver_type": "heun", "eta": 0.7},
            brownian,
        ),
        ("dpmpp_3m_sde", sampling.sample_dpmpp_3m_sde, {}, brownian),
        (
            "dpmpp_3m:solver_type=heun,lower_order_final=false",
            sampling.sample_dpmpp_3m_sde,
            {"eta": 0.0},
            brownian,
        ),
    ]
    rows = []
    for sampler, function, options, noise in cases:
        for grid in grids:
            # The second grid repeats only some.
            for n in STEPS if grid == "karras" else [10]:
                sigmas = grids[grid][n]
                for name, answer in MODELS.items():
                    if grid == "exponential" and name != "mixture":
                        continue
                    states = []
                    given = dict(options)
                    if noise:
                        given["noise_sampler"] = noise(sigmas)
                    model = lambda x, sigma, **_: answer(x, 1.0, float(sigma[0]))
                    keep = lambda at: states.append(at["x"])
                    end = function(model, START * sigmas[0], sigmas, callback=keep, disable=True, **given)
                    states = states[1:] + [end]
                    rows.append(row("k-diffusion", sampler, grid, n, name, states))
    for order in [2, 3]:
        for name, answer in MODELS.items():
            model = lambda x, sigma, **_: answer(x, 1.0, float(sigma[0]))
            walk = lambda x: sampling.sample_dpm_adaptive(model, x, 0.02, 20.0, disable=True, order=order)
            # One picture at a time: its steps must not depend on the others.
            end = torch.cat([walk(START[i : i + 1] * 20.0) for i in range(2)])
            rows.append(row("k-diffusion", f"dpm_adaptive:order={order}", "whole", 1, name, [end]))
    levels = {name: {n: [[1.0, float(s)] for s in grid[n]] for n in STEPS} for name, grid in grids.items()}
    levels["whole"] = {1: [[1.0, 20.0], [1.0, 0.02]]}
    return levels, rows


# ---- diffusers


def vp(ratio):
    alpha = 1 / math.sqrt(1 + float(ratio) ** 2)
    return [alpha, float(ratio) * alpha]


def patched(module, draw):
    module.randn_tensor = lambda shape, **_: draw()


def walk_multistep(scheduler, answer, kind, n):
    """Schedulers that keep x variance preserving (or flow) and ask once a step, their levels in `sigmas`."""
    scheduler.set_timesteps(n)
    flow = "FlowMatch" in type(scheduler).__name__
    level = (lambda s: [1 - float(s), float(s)]) if flow else vp
    levels = [level(s) for s in scheduler.sigmas]
    x, states = START, []
    for i, t in enumerate(scheduler.timesteps):
        options = {"variance_noise": normal_of(levels, i)} if "sde" in scheduler.config.get("algorithm_type", "") else {}
        x = scheduler.step(output(answer, x, levels[i], kind), t, x, **options).prev_sample
        states.append(x)
    return levels, states


BROWNIAN = {}


def normal_of(levels, i):
    """The noise of step i on the Brownian path, for schedulers that are handed it."""
    if i == 0:
        BROWNIAN["path"] = Brownian(levels[0][1] / levels[0][0])
    return BROWNIAN["path"].noise(levels[i + 1][1] / levels[i + 1][0])


def walk_exploding(scheduler, answer, kind, n):
    """Schedulers with x = x0 + sigma n, which may ask twice a step."""
    scheduler.set_timesteps(n)
    sigmas = [float(s) for s in scheduler.sigmas]
    ends = [s for i, s in enumerate(sigmas) if i == 0 or s != sigmas[i - 1]]
    if isinstance(scheduler, schedulers.DPMSolverSDEScheduler):
        path = Brownian(ends[0])
        whole = {f"{s:.9g}" for s in ends}
        scheduler.noise_sampler = lambda _, to: path.noise(to, f"{float(to):.9g}" not in whole)
    x, states = START * sigmas[0], []
    for index, t in enumerate(scheduler.timesteps):
        scheduler.scale_model_input(x, t)
        sigma = sigmas[index]
        first = getattr(scheduler, "state_in_first_order", True)
        if not first and isinstance(scheduler, schedulers.DPMSolverSDEScheduler):
            sigma = float(scheduler.mid_point_sigma)
        alpha = vp(sigma)[0]
        x = scheduler.step(output(answer, x * alpha, vp(sigma), kind), t, x).prev_sample
        if getattr(scheduler, "state_in_first_order", True):
            states.append(x)
    return [[1.0, s] for s in ends], states


def walk_table(scheduler, answer, kind, n, **options):
    """Schedulers that look their levels up in the table of the training schedule."""
    scheduler.set_timesteps(n)
    of = lambda t: [math.sqrt(scheduler.alphas_cumprod[int(t)]), math.sqrt(1 - scheduler.alphas_cumprod[int(t)])]
    levels = [of(t) for t in scheduler.timesteps] + [[1.0, 0.0]]
    x, states = START, []
    for i, t in enumerate(scheduler.timesteps):
        x = scheduler.step(output(answer, x, levels[i], kind), t, x, **options).prev_sample
        states.append(x)
    if isinstance(scheduler, schedulers.PNDMScheduler):
        # The second level is asked twice, and the first walk there is taken back.
        levels, states = levels[:1] + levels[2:], states[1:]
    return levels, states


def walk_pndm(scheduler, answer, kind, n):
    """Three Runge-Kutta steps of four calls, of which the first three are not at the end of a step, and multistep ones."""
    scheduler.set_timesteps(n)
    of = lambda t: [math.sqrt(scheduler.alphas_cumprod[int(t)]), math.sqrt(1 - scheduler.alphas_cumprod[int(t)])]
    end = [math.sqrt(scheduler.final_alpha_cumprod), math.sqrt(1 - scheduler.final_alpha_cumprod)]
    levels = [of(t) for t in scheduler._timesteps[::-1]] + [end]
    x, states = START, []
    for i, t in enumerate(scheduler.timesteps):
        x = scheduler.step(output(answer, x, of(t), kind), t, x).prev_sample
        if i >= 12 or i % 4 == 3:
            states.append(x)
    return levels, states


def walk_tcd(scheduler, answer, kind, n, **options):
    """A table whose first entry is the end."""
    levels, states = walk_table(scheduler, answer, kind, n, **options)
    first = scheduler.alphas_cumprod[0]
    return levels[:-1] + [[math.sqrt(first), math.sqrt(1 - first)]], states


def walk_stages(scheduler, answer, kind, n):
    """Schedulers with x = x0 + sigma n that ask twice a step, at the level that they scale the picture for."""
    scheduler.set_timesteps(n)
    sigmas = [float(s) for s in scheduler.sigmas]
    ends = [s for i, s in enumerate(sigmas) if i == 0 or s != sigmas[i - 1]]
    x, states = START * ends[0], []
    for t in scheduler.timesteps:
        alpha = float(scheduler.scale_model_input(torch.ones(1), t))
        x = scheduler.step(output(answer, x * alpha, [alpha, math.sqrt(1 - alpha**2)], kind), t, x).prev_sample
        if scheduler.state_in_first_order:
            states.append(x)
    if not scheduler.state_in_first_order:
        states.append(x)
    return [[1.0, s] for s in ends], states


def walk_edm(scheduler, answer, kind, n):
    """EDM's schedulers, which turn the network's output into a clean picture themselves."""
    scheduler.set_timesteps(n)
    sigmas = [float(s) for s in scheduler.sigmas]
    levels, data = [[1.0, s] for s in sigmas], scheduler.config.sigma_data
    x, states = START * sigmas[0], []
    for i, t in enumerate(scheduler.timesteps):
        sigma = sigmas[i]
        total = sigma**2 + data**2
        scheduler.scale_model_input(x, t)
        patched(schedulers.scheduling_edm_dpmsolver_multistep, lambda: normal_of(levels, i))
        made = (answer(x, 1.0, sigma) - data**2 / total * x) / (sigma * data / math.sqrt(total))
        x = scheduler.step(made if kind == "epsilon" else -made, t, x).prev_sample
        states.append(x)
    return levels, states


def walk_ipndm(scheduler, answer, kind, n):
    angles = [0.97 * (1 - i / n) * math.pi / 2 for i in range(n + 1)]
    scheduler.register_to_config(trained_betas=[math.sin(angle) for angle in angles])
    scheduler.set_timesteps(n)
    levels = [[math.cos(angle), math.sin(angle)] for angle in angles]
    x, states = START, []
    for i, t in enumerate(scheduler.timesteps):
        x = scheduler.step(output(answer, x, levels[i], kind), t, x).prev_sample
        states.append(x)
    return levels, states


def walk_flow_heun(scheduler, answer, kind, n):
    scheduler.set_timesteps(n)
    sigmas = [float(s) for s in scheduler.sigmas]
    ends = [s for i, s in enumerate(sigmas) if i == 0 or s != sigmas[i - 1]]
    x, states = START, []
    for index, t in enumerate(scheduler.timesteps):
        sigma = sigmas[index]
        x = scheduler.step(output(answer, x, [1 - sigma, sigma], kind), t, x).prev_sample
        if scheduler.state_in_first_order:
            states.append(x)
    if not scheduler.state_in_first_order:
        states.append(x)
    return [[1 - s, s] for s in ends], states


def output(answer, x, level, kind):
    alpha, sigma = level
    x0 = answer(x, alpha, sigma)
    noise = (x - alpha * x0) / sigma
    return {"epsilon": noise, "sample": x0, "v_prediction": alpha * noise - sigma * x0, "flow": noise - x0}[kind]


def diffusers_cases():
    every, two = ["epsilon", "sample", "v_prediction"], ["epsilon", "v_prediction"]
    multistep = diffusers.DPMSolverMultistepScheduler
    single = diffusers.DPMSolverSinglestepScheduler
    table = {"clip_sample": False, "timestep_spacing": "trailing"}
    skip = {"skip_prk_steps": True, "set_alpha_to_one": True, "timestep_spacing": "trailing"}
    cases = [
        ("ddim", diffusers.DDIMScheduler, table, walk_table, every),
        ("ddpm", diffusers.DDPMScheduler, {"clip_sample": False, "timestep_spacing": "leading"}, walk_table, every),
        # Its v walk mixes velocities of different levels, which only epsilon may be.
        ("pndm", diffusers.PNDMScheduler, skip, walk_table, ["epsilon"]),
        ("ipndm", diffusers.IPNDMScheduler, {}, walk_ipndm, ["v_prediction"]),
        ("lcm", diffusers.LCMScheduler, {}, walk_table, every),
        ("euler", diffusers.EulerDiscreteScheduler, {}, walk_exploding, every),
        ("euler_a", diffusers.EulerAncestralDiscreteScheduler, {}, walk_exploding, two),
        ("lms", diffusers.LMSDiscreteScheduler, {}, walk_exploding, every),
        ("dpmpp_sde", diffusers.DPMSolverSDEScheduler, {}, walk_exploding, two),
        ("dpmpp_2m", multistep, {}, walk_multistep, every),
        ("dpmpp_2m", multistep, {"use_lu_lambdas": True}, walk_multistep, every),
        ("dpmpp_2m:solver_type=heun", multistep, {"solver_type": "heun"}, walk_multistep, every),
        ("dpmpp_3m", multistep, {"solver_order": 3}, walk_multistep, every),
        ("dpmpp_3m", multistep, {"solver_order": 3, "final_sigmas_type": "sigma_min"}, walk_multistep, every),
        ("dpmpp_2m_sde", multistep, {"algorithm_type": "sde-dpmsolver++"}, walk_multistep, every),
        ("dpm_singlestep", single, {}, walk_multistep, every),
        ("dpm_singlestep:order=3", single, {"solver_order": 3}, walk_multistep, every),
        (
            "dpm_singlestep:order=3,solver_type=heun",
            single,
            {"solver_order": 3, "solver_type": "heun"},
            walk_multistep,
            every,
        ),
        (
            "dpm_singlestep:algorithm=dpmsolver",
            single,
            {"algorithm_type": "dpmsolver", "final_sigmas_type": "sigma_min", "lower_order_final": True},
            walk_multistep,
            every,
        ),
        ("deis", diffusers.DEISMultistepScheduler, {}, walk_multistep, every),
        ("deis:order=3", diffusers.DEISMultistepScheduler, {"solver_order": 3}, walk_multistep, every),
        ("unipc", diffusers.UniPCMultistepScheduler, {}, walk_multistep, every),
        ("unipc:order=3", diffusers.UniPCMultistepScheduler, {"solver_order": 3}, walk_multistep, every),
        (
            "unipc:solver_type=bh1",
            diffusers.UniPCMultistepScheduler,
            # With its default, a last sigma of 0, bh1 ends in NaN.
            {"solver_type": "bh1", "final_sigmas_type": "sigma_min"},
            walk_multistep,
            every,
        ),
        ("sa_solver", diffusers.SASolverScheduler, {"tau_func": lambda t: 1.0}, walk_multistep, every),
        ("sa_solver:tau=0", diffusers.SASolverScheduler, {"tau_func": lambda t: 0.0}, walk_multistep, every),
        (
            "sa_solver:tau=0.5,predictor_order=3,corrector_order=4",
            diffusers.SASolverScheduler,
            {"tau_func": lambda t: 0.5, "predictor_order": 3, "corrector_order": 4},
            walk_multistep,
            every,
        ),
        ("euler", diffusers.FlowMatchEulerDiscreteScheduler, {}, walk_multistep, ["flow"]),
        ("flow_heun", diffusers.FlowMatchHeunDiscreteScheduler, {}, walk_flow_heun, ["flow"]),
    ]
    return diffusers_rows(cases)


def stages_cases():
    """Schedulers that ask inside a step, that find levels by the time of their table, and EDM's."""
    every, two = ["epsilon", "sample", "v_prediction"], ["epsilon", "v_prediction"]
    multistep = diffusers.EDMDPMSolverMultistepScheduler
    to_one, offset = {"set_alpha_to_one": True}, {"steps_offset": 1}
    no_limit = "limit=1000000000"
    cases = [
        # Mixes velocities of different levels, as without Runge-Kutta steps.
        (f"pndm:prk=true,{no_limit}", diffusers.PNDMScheduler, to_one, walk_pndm, ["epsilon"]),
        (f"pndm:prk=true,{no_limit}", diffusers.PNDMScheduler, offset, walk_pndm, ["epsilon"]),
        ("tcd", diffusers.TCDScheduler, {}, walk_tcd, every),
        (f"heun:{no_limit}", diffusers.HeunDiscreteScheduler, {}, walk_stages, every),
        (f"dpm2:{no_limit}", diffusers.KDPM2DiscreteScheduler, {}, walk_stages, two),
        (f"dpm2_a:{no_limit}", diffusers.KDPM2AncestralDiscreteScheduler, {}, walk_stages, two),
        ("euler", diffusers.EDMEulerScheduler, {}, walk_edm, two),
        ("dpmpp_2m", multistep, {}, walk_edm, two),
        ("dpmpp_3m", multistep, {"solver_order": 3}, walk_edm, two),
        ("dpmpp_2m_sde", multistep, {"algorithm_type": "sde-dpmsolver++"}, walk_edm, two),
    ]
    return diffusers_rows(cases)


def diffusers_rows(cases):
    levels, rows = {}, []
    for sampler, scheduler, options, walk, kinds in cases:
        shown = {key: value for key, value in options.items() if not callable(value)}
        source = scheduler.__name__ + "".join(f", {key}={value}" for key, value in shown.items())
        for n in STEPS:
            for name, answer in MODELS.items():
                walks = []
                for kind in kinds:
                    fresh = iter(range(1000))
                    for module in NOISY:
                        patched(module, lambda: normal(next(fresh)))
                    given = dict(options)
                    if scheduler not in (diffusers.IPNDMScheduler,) and kind != "flow":
                        given["prediction_type"] = kind
                    walks.append(walk(scheduler(**given), answer, kind, n))
                for kind, (_, states) in zip(kinds[1:], walks[1:]):
                    off = max(float((a - b).abs().max() / a.abs().max()) for a, b in zip(walks[0][1], states))
                    if off > 1e-7:
                        print(f"{kinds[0]} and {kind} differ by {off:.1e}: {source}, {n} steps, {name}")
                path = [[round(v, 12) for v in level] for level in walks[0][0]]
                known = [key for key, paths in levels.items() if paths.get(n) == path]
                grid = known[0] if known else source
                levels.setdefault(grid, {})[n] = path
                rows.append(row(source, sampler, grid, n, name, walks[0][1]))
                if walk in (walk_pndm, walk_tcd):
                    # Levels between those of the path are found by the time of this table.
                    betas = scheduler(**options).config
                    curve = {"linear": "linear", "scaled_linear": "scaled_linear"}[betas.beta_schedule]
                    rows[-1]["schedule"] = f"{curve}:start={betas.beta_start},end={betas.beta_end},steps=1000"
    return levels, rows


NOISY = [
    schedulers.scheduling_ddpm,
    schedulers.scheduling_lcm,
    schedulers.scheduling_euler_ancestral_discrete,
    schedulers.scheduling_sasolver,
    schedulers.scheduling_tcd,
    schedulers.scheduling_k_dpm_2_ancestral_discrete,
]


def row(source, sampler, grid, n, model, states):
    # The whole walk on one model, the end on the others.
    kept = states if model == "mixture" else states[-1:]
    return {
        "source": source,
        "sampler": sampler,
        "grid": grid,
        "steps": n,
        "model": model,
        "states": [[float(f"{v:.6g}") for v in state.flatten().tolist()] for state in kept],
    }


def write(name, made):
    levels, rows = made
    golden = {
        "made_by": "references/golden/parity_samplers.py",
        "versions": {name: importlib.metadata.version(name) for name in ["torch", "diffusers", "k-diffusion"]},
        "start": START.flatten().tolist(),
        "grids": levels,
        "rows": rows,
    }
    for paths in levels.values():
        for n, path in paths.items():
            paths[n] = [[float(f"{v:.10g}") for v in level] for level in path]
    target = pathlib.Path(__file__).parent / f"{name}.json"
    target.write_text(json.dumps(golden, separators=(",", ":")).replace('{"source"', '\n{"source"') + "\n")
    print(target, target.stat().st_size, "bytes", len(rows), "rows")


if __name__ == "__main__":
    write("parity_k_diffusion", k_diffusion_cases())
    write("parity_diffusers", diffusers_cases())
    write("parity_diffusers_stages", stages_cases())

"""Digits by an ODE block: sizes of the networks, what a step keeps and evaluates, and the files of MNIST."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest
import torch
from workbench_experiments.digits.arms import arms, ode_net, resnet, seeded
from workbench_experiments.digits.cost import cost_of
from workbench_experiments.digits.experiment import Digits, Training, trained
from workbench_experiments.digits.images import Images, mnist, small_digits
from workbench_experiments.digits.networks import Dynamics, parameters
from workbench_experiments.digits.training import Recipe, moved, train
from workbench_experiments.side_by_side import side_by_side

from workbench.errors.data import FileMissing, FileUnreadable
from workbench.errors.usage import UsageError


def batch(n: int = 4, size: int = 8) -> tuple[torch.Tensor, torch.Tensor]:
    rng = np.random.default_rng(0)
    return torch.from_numpy(rng.random((n, 1, size, size), np.float32)), torch.from_numpy(rng.integers(0, 10, n))


@pytest.mark.parametrize(
    ("name", "count"), [("ResNet", 576_778), ("ODE-Net", 208_266), ("no block", 132_874), ("MLP", 238_510)]
)
def test_with_64_channels_on_28_pixels_the_networks_have_the_published_parameters(name: str, count: int) -> None:
    # 208 266 and 132 874: torchdiffeq, issue 32; .60 M and .24 M: Chen et al. (2018), Table 1
    arm = next(arm for arm in arms("dopri5", 1e-3) if arm.name == name)
    assert parameters(seeded(arm.make, 28, 64, 0)) == count


@pytest.mark.parametrize("channels", [4, 16, 64])
def test_an_ode_net_has_less_than_40_percent_of_the_parameters_of_six_blocks(channels: int) -> None:
    counts = {arm.name: parameters(seeded(arm.make, 8, channels, 0)) for arm in arms("dopri5", 1e-3)}
    assert counts["ODE-Net"] < 0.4 * counts["ResNet"]


def test_dynamics_on_images_treat_every_image_alone() -> None:
    f, t = Dynamics(4), torch.tensor([0.1, 0.5, 0.9]).reshape(3, 1, 1, 1)
    y = torch.randn(3, 4, 5, 5, generator=torch.Generator().manual_seed(0))
    alone = torch.cat([f(t[i : i + 1], y[i : i + 1]) for i in range(3)])
    torch.testing.assert_close(f(t, y), alone)


def test_every_gradient_is_that_of_the_same_steps() -> None:
    x, digits = batch()
    found = {
        gradient: cost_of(seeded(ode_net("rk4", gradient, step=0.5), 8, 4, 0), x, digits)
        for gradient in ("discrete", "checkpoints", "backprop")
    }
    for gradient in ("checkpoints", "backprop"):  # the same steps: apart by roundings of single precision
        torch.testing.assert_close(found[gradient].gradient, found["discrete"].gradient, rtol=1e-3, atol=1e-5)


@pytest.mark.filterwarnings("ignore::workbench.errors.numerics.AdjointAstray")  # coarse steps, on purpose
def test_the_adjoint_tends_to_the_discrete_gradient_as_the_tolerance_falls() -> None:
    x, digits = batch()

    def apart(rtol: float) -> float:
        made = [ode_net("dopri5", way, rtol=rtol, atol=rtol) for way in ("adjoint", "discrete")]
        one, other = (cost_of(seeded(make, 8, 4, 0), x, digits).gradient for make in made)
        return float((one - other).norm() / other.norm())

    # two digits of tolerance; the kinks of ReLU cost some of the gain
    assert apart(1e-4) < apart(1e-2) / 4


def test_four_steps_of_rk4_are_sixteen_evaluations_and_backward_as_many_with_the_stages_once_more() -> None:
    cost = cost_of(seeded(ode_net("rk4", "discrete", step=0.25), 8, 4, 0), *batch())
    assert cost.forward == 16
    assert cost.backward == 16 + 12, "the last stage of a step leads to no further one"


@pytest.mark.filterwarnings("ignore::workbench.errors.numerics.AdjointAstray")  # coarse steps, on purpose
def test_further_blocks_keep_equally_many_bytes_and_the_adjoint_as_many_at_all_steps() -> None:
    blocks = [cost_of(seeded(resnet(n), 8, 4, 0), *batch()).kept for n in (1, 2, 3)]
    assert blocks[2] - blocks[1] == blocks[1] - blocks[0] > 0
    kept = {
        (way, n): cost_of(seeded(ode_net("rk4", way, step=1.0 / n), 8, 4, 0), *batch()).kept
        for way in ("adjoint", "backprop")
        for n in (1, 4)
    }
    assert kept["adjoint", 1] == kept["adjoint", 4]
    assert kept["backprop", 4] > 2 * kept["backprop", 1]


def test_moved_images_keep_their_brightness_and_move_apart() -> None:
    x = torch.zeros(20, 1, 8, 8)
    x[:, :, 3:5, 3:5] = 1.0
    there = moved(x, 0.25, 0.0, np.random.default_rng(0))  # two pixels to the edge: nothing falls off
    torch.testing.assert_close(there.sum(dim=(1, 2, 3)), x.sum(dim=(1, 2, 3)))
    assert len({image.numpy().tobytes() for image in there}) == 20
    assert moved(x, 0.0, 0.0, np.random.default_rng(0)) is x


def test_a_move_is_at_most_the_share_of_a_side_that_was_asked_for() -> None:
    x = torch.zeros(200, 1, 8, 8)
    x[:, :, 3:5, 3:5] = 1.0
    column = (moved(x, 0.25, 0.0, np.random.default_rng(0)).sum(dim=(1, 2)) * torch.arange(8.0)).sum(dim=1) / 4.0
    assert 1.8 < float((column - 3.5).abs().max()) <= 2.0 + 1e-5, "a quarter of eight pixels"


def test_a_warp_turns_and_stretches_about_the_middle() -> None:
    x = torch.zeros(50, 1, 9, 9)
    x[:, :, 4, 4] = 1.0
    there = moved(x, 0.0, 0.2, np.random.default_rng(0))
    assert bool((there[:, 0, 4, 4] > 0.999).all()), "the middle stays"
    x[:, :, :, 4] = 1.0
    turned = moved(x, 0.0, 0.2, np.random.default_rng(0))
    assert float((turned[:, 0, :, 4] - 1.0).abs().max()) > 0.1, "a line through it does not"


def test_processes_train_the_same_networks(tmp_path: Path) -> None:
    images = np.random.default_rng(0).integers(0, 256, (200, 8, 8))
    write_idx(tmp_path, "train", images, np.arange(200) % 10)  # sooner read than scikit-learn is imported
    jobs = [Training(arm, 0, "rk4", 1e-2, 2, Recipe(1), tmp_path, 128) for arm in ("no block", "one block")]
    one, two = (list(side_by_side(trained, jobs, n)) for n in (1, 2))
    assert [each.error for each in one] == [each.error for each in two]
    assert [each.losses.tolist() for each in one] == [each.losses.tolist() for each in two]


def test_a_network_learns_images_that_differ_in_where_they_are_bright() -> None:
    rng = np.random.default_rng(0)
    digits = np.arange(256) % 4
    images = 0.1 * rng.random((256, 1, 8, 8), np.float32)
    for i, digit in enumerate(digits):
        images[i, :, :, 2 * digit : 2 * digit + 2] += 1.0
    some = Images("stripes", images, digits, images[:40], digits[:40])
    network = seeded(ode_net("rk4", "discrete", step=1.0), 8, 8, 0)
    found = train(network, some, Recipe(12), rng)
    assert found.losses[-1] < np.log(4.0) < found.losses[0], "better than guessing among the four"
    assert found.evaluations.tolist() == [4.0] * 12


def test_what_cannot_be_trained_is_refused_in_words() -> None:
    few = Images("few", np.zeros((100, 1, 8, 8), np.float32), np.zeros(100, int), np.zeros((0, 1, 8, 8)), np.zeros(0))
    network = seeded(resnet(0), 8, 4, 0)
    with pytest.raises(UsageError, match="100 training images"):
        train(network, few, Recipe(1), np.random.default_rng(0))
    with pytest.raises(UsageError, match="channels"):
        Digits("dopri5", 1e-2, channels=1, images=5000, recipe=Recipe(1), processes=1)
    with pytest.raises(UsageError, match="0 processes"):
        Digits("dopri5", 1e-2, channels=4, images=5000, recipe=Recipe(1), processes=0)


def test_the_small_digits_are_held_out_digit_by_digit() -> None:
    pytest.importorskip("sklearn", reason="the extra digits")
    found = small_digits(np.random.default_rng(0), 5000)
    assert found.size == 8
    assert len(found.train) + len(found.test) == 1797
    shares = np.bincount(found.test_digits) / np.bincount(np.append(found.test_digits, found.train_digits))
    assert np.allclose(shares, 0.2, atol=0.01)  # of about 180 of each, to the nearest whole
    assert 0.0 <= found.train.min() < found.train.max() <= 1.0


def write_idx(folder: Path, part: str, images: np.ndarray, digits: np.ndarray, zipped: bool = False) -> None:
    for name, values in (("images-idx3", images), ("labels-idx1", digits)):
        head = struct.pack(f">{1 + values.ndim}i", 0x800 + values.ndim, *values.shape)
        data = head + values.astype(np.uint8).tobytes()
        file = folder / f"{part}-{name}-ubyte{'.gz' if zipped else ''}"
        file.write_bytes(gzip.compress(data) if zipped else data)


def test_mnist_files_are_read_packed_or_not(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    images, digits = rng.integers(0, 256, (30, 28, 28)), rng.integers(0, 10, 30)
    write_idx(tmp_path, "train", images[:20], digits[:20], zipped=True)
    write_idx(tmp_path, "t10k", images[20:], digits[20:])
    found = mnist(tmp_path, rng, 5000)
    np.testing.assert_allclose(found.train[:, 0], images[:20] / 255, rtol=1e-6)
    np.testing.assert_array_equal(found.test_digits, digits[20:])
    assert len(mnist(tmp_path, rng, 7).train) == 7


def test_lines_of_784_pixels_and_a_digit_serve_where_there_are_no_idx_files(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    lines = np.column_stack([rng.integers(0, 256, (50, 784)), np.arange(50) % 10])
    np.savetxt(tmp_path / "mnist_5k.csv", lines, fmt="%d", delimiter=",")
    found = mnist(tmp_path, rng, 5000)
    assert (len(found.train), len(found.test)) == (40, 10)
    assert sorted(found.test_digits) == list(range(10))


def test_a_folder_without_images_and_a_file_of_something_else_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FileMissing, match="train-images-idx3-ubyte"):
        mnist(tmp_path, np.random.default_rng(0), 5000)
    (tmp_path / "train-images-idx3-ubyte").write_bytes(b"\0\0\0\1" + bytes(40))
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(bytes(40))
    with pytest.raises(FileUnreadable, match="magic number"):
        mnist(tmp_path, np.random.default_rng(0), 5000)


def test_without_scikit_learn_one_line_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    from workbench.errors.usage import UsageError

    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(UsageError, match="scikit-learn") as refused:
        small_digits(np.random.default_rng(0), 5000)
    assert "dynamics-workbench[digits]" in refused.value.help

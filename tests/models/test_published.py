"""Published weights by name, files of one's own, new heads, frozen layers, and what errors say."""

from __future__ import annotations

import contextlib
import copy
import pickle
import warnings
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from networks import build, every_network
from PIL import Image
from with_torchvision import torchvision

import minicnn as mc
from benchmarks import torch_models
from minicnn import models, nn
from minicnn.io import download as download_module
from minicnn.io import save_weights
from minicnn.models._api import PUBLISHED


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, and no network: to download is an error."""

    def offline(*_: Any, **__: Any) -> None:
        raise OSError("no network in tests")

    monkeypatch.setenv("MINICNN_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setattr(download_module, "_fetch", offline)
    (tmp_path / "cache").mkdir()
    return tmp_path / "cache"


def publish(name: str, cache: Path, classes: int = 1000) -> torch.nn.Module:
    """Puts weights where a download of the published ones would be."""
    net = torch_models.get_model(name, classes).eval()
    published = models.get_model_weights(name)["DEFAULT"]
    torch.save(net.state_dict(), cache / Path(published.url).name)
    return net


def same_state(ours: nn.Module, theirs: torch.nn.Module, skip: str = "-") -> None:
    expected = {name: x for name, x in theirs.state_dict().items() if not name.startswith(skip)}
    state = ours.state_dict()
    assert list(state) == list(expected)
    for name, value in expected.items():
        np.testing.assert_array_equal(state[name].cpu().numpy(), value.cpu().numpy(), err_msg=name)


# ---- what is known of them ----


def test_entries() -> None:
    """Every enum, member by member, is torchvision's."""
    for name, ours in PUBLISHED.items():
        theirs = torchvision.models.get_model_weights(name)
        assert ours.__name__ == theirs.__name__
        assert list(ours.__members__) == list(theirs.__members__)
        assert models.get_model_weights(getattr(models, name)) is ours
        for member, entry in ours.__members__.items():
            expected = theirs[member]
            assert (entry.name, entry.url) == (expected.name, expected.url)
            assert str(entry.transforms()) == str(expected.transforms())
            assert repr(entry) == repr(expected) and str(entry) == str(expected)
            facts = {key: value for key, value in expected.meta.items() if key != "_docs"}
            facts.setdefault("categories", None)
            assert sorted(entry.meta) == sorted(facts)
            for key, value in facts.items():  # as text, in which nan equals nan
                assert str(entry.meta[key]) == str(value), (entry, key)
            assert models.get_weight(str(entry)) is entry
            assert pickle.loads(pickle.dumps(entry)) is copy.deepcopy(entry) is entry


@pytest.mark.parametrize("name", ["resnet18_Weights.DEFAULT", "ResNet18_Weights", "a.b.c"])
def test_names_of_no_weights(name: str) -> None:
    with pytest.raises(ValueError, match=name):
        models.get_weight(name)
    with pytest.raises(ValueError, match="no published weights of fcn8s"):
        models.get_model_weights("fcn8s")


def test_verify() -> None:
    enum, entry = models.ResNet18_Weights, models.ResNet18_Weights.IMAGENET1K_V1
    assert enum.verify(None) is None
    for given in (entry, "IMAGENET1K_V1", "ResNet18_Weights.IMAGENET1K_V1"):
        assert enum.verify(given) is entry
    with pytest.raises(TypeError, match=r"ResNet18_Weights, got ResNet34_Weights.IMAGENET1K_V1"):
        enum.verify(models.ResNet34_Weights.DEFAULT)


def test_networks_of_a_module_under_the_switch() -> None:
    segmentation = ModuleType("torchvision.models.segmentation")
    assert models.list_models(segmentation) == models.list_models(models.segmentation)
    assert "resnet18" in models.list_models(ModuleType("torchvision.models"))


def test_their_transforms() -> None:
    picture = Image.new("RGB", (300, 400), (124, 116, 104))  # about the mean
    image = models.VGG16_Weights.DEFAULT.transforms()(picture)
    assert image.shape == (3, 224, 224)
    assert np.abs(image.cpu().numpy()).max() < 0.01
    segment = models.FCN_ResNet50_Weights.DEFAULT.transforms()
    assert segment(picture).shape == (3, 693, 520)
    pixels = np.random.default_rng(0).integers(0, 256, (300, 400, 3), np.uint8)
    for name in ("resnet50", "vgg16", "fcn_resnet50"):
        for member, theirs in torchvision.models.get_model_weights(name).__members__.items():
            ours = models.get_model_weights(name)[member].transforms()
            np.testing.assert_allclose(
                ours(Image.fromarray(pixels)).cpu().numpy(),
                theirs.transforms()(Image.fromarray(pixels)).numpy(),
                atol=1e-5,
            )


def test_unknown_weights_are_named_with_those_there_are() -> None:
    with pytest.raises(ValueError, match="vgg16 has no weights 'V9'; it has: IMAGENET1K_V1"):
        models.vgg16(weights="V9")
    with pytest.raises(TypeError, match=r"takes weights of VGG16_Weights, got VGG11_Weights\.IMAG"):
        models.vgg16(weights=models.VGG11_Weights.DEFAULT)
    with pytest.raises(
        ValueError, match="fcn8s has no weights 'DEFAULT'; it has: none; give a file"
    ):
        models.fcn8s(weights="DEFAULT")
    with pytest.raises(ValueError, match="resnet18 has no weights 'IMAGENET1K_V2'"):
        models.resnet18(weights="IMAGENET1K_V2")


def test_all_names() -> None:
    assert models.list_models() == sorted(models.list_models())
    assert len(set(models.list_models())) == len(models.list_models())
    assert models.list_models(models.segmentation, "fcn*s") == ["fcn16s", "fcn32s", "fcn8s"]
    assert models.list_models(include=["vgg1?", "resnet*"], exclude=["*1", "*18"]) == [
        "resnet152", "resnet34", "resnet50", "vgg13", "vgg16", "vgg19",
    ]  # fmt: skip
    for name in models.list_models():
        assert hasattr(models, name) and name in models.__all__
    assert build("VGG11", weights=None, num_classes=3).classifier[6].out_features == 3
    with pytest.raises(ValueError, match="got 'lenet'; close are alexnet, googlenet"):
        models.get_model("lenet")
    with pytest.raises(ValueError, match="close are EfficientNet_B"):
        models.get_weight("EfficientNet_B9_Weights.DEFAULT")


# ---- by name ----


@pytest.mark.parametrize(
    "weights",
    ["DEFAULT", "IMAGENET1K_V1", "ResNet18_Weights.DEFAULT", models.ResNet18_Weights.DEFAULT],
)
def test_by_name(weights: Any, cache: Path) -> None:
    theirs = publish("resnet18", cache)
    net = models.resnet18(weights=weights)
    same_state(net, theirs)
    state = models.ResNet18_Weights.DEFAULT.get_state_dict(progress=False, check_hash=True)
    assert state.keys() == theirs.state_dict().keys()


OLD_ARGUMENTS: list[tuple[tuple[Any, ...], dict[str, Any]]] = [
    ((), {"pretrained": True}), ((), {"pretrained": False}), ((), {"pretrained": None}),
    ((True,), {}), ((True, False), {}), ((False, True), {"num_classes": 4}), ((None,), {}),
    ((), {"weights": True}), ((), {"weights": "legacy"}), ((), {"weights": False}), ((), {}),
]  # fmt: skip


@pytest.mark.parametrize(("args", "options"), OLD_ARGUMENTS)
def test_old_arguments(args: Any, options: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same warnings as torchvision's, and the same weights."""
    asked: list[str] = []

    def no_weights(weights: Any, **_: Any) -> Any:
        asked.append(weights.url)
        raise KeyError("enough")

    for enum in (models.ResNet18_Weights, torchvision.models.ResNet18_Weights):
        monkeypatch.setattr(enum, "get_state_dict", no_weights)
    warned = []
    for module in (models, torchvision.models):
        with warnings.catch_warnings(record=True) as seen, contextlib.suppress(KeyError):
            warnings.simplefilter("always")
            module.resnet18(*args, **options)
        warned.append([str(w.message) for w in seen])
    assert warned[0] == warned[1]
    assert asked[::2] == asked[1::2] and len(asked) in (0, 2)


@pytest.mark.filterwarnings("ignore:.*since 0.13")
def test_old_arguments_of_segmentation(cache: Path) -> None:
    theirs = publish("fcn_resnet50", cache, 21)
    with pytest.warns(UserWarning, match="FCN_ResNet50_Weights.COCO_WITH_VOC_LABELS_V1"):
        same_state(models.segmentation.fcn_resnet50(pretrained=True), theirs)
    backbone = torch_models.get_model("resnet50", 1000)
    name = Path(models.ResNet50_Weights.IMAGENET1K_V1.url).name
    torch.save(backbone.state_dict(), cache / name)
    with pytest.warns(UserWarning, match="pretrained_backbone"):
        net = models.segmentation.fcn_resnet50(pretrained=False, pretrained_backbone=True)
    np.testing.assert_array_equal(
        net.backbone.conv1.weight.detach().cpu().numpy(), backbone.conv1.weight.detach().numpy()
    )
    assert net.aux_classifier is None
    with pytest.raises(ValueError, match="No weights available for model alexnet227"):
        models.alexnet227(pretrained=True)
    with pytest.raises(TypeError, match="at most 2 positional arguments, got 3"):
        models.alexnet(None, True, 10)


def test_not_there_and_offline(cache: Path) -> None:
    with pytest.raises(OSError, match=r"cannot download .*resnet18-f37072fd\.pth.*no network") as e:
        models.resnet18(weights="DEFAULT")
    assert str(cache / "resnet18-f37072fd.pth") in str(e.value)


def test_googlenet_comes_without_its_auxiliary_classifiers(cache: Path) -> None:
    theirs = publish("googlenet", cache)
    net = models.googlenet(weights="DEFAULT")
    assert net.transform_input and not net.aux_logits
    same_state(net, theirs, skip="aux")
    assert isinstance(net.train()(mc.randn(2, 3, 32, 32)), mc.Tensor)
    net = models.googlenet(weights="DEFAULT", aux_logits=True, transform_input=False)
    assert net.aux_logits and not net.transform_input
    same_state(net, theirs)


def test_fcn_comes_with_its_auxiliary_classifier(cache: Path) -> None:
    theirs = publish("fcn_resnet50", cache, 21)
    same_state(models.fcn_resnet50(weights="DEFAULT"), theirs)
    net = models.fcn_resnet50(weights="DEFAULT", aux_loss=False)
    same_state(net, theirs, skip="aux_classifier")
    assert list(net.eval()(mc.zeros(1, 3, 32, 32))) == ["out"]


def test_published_backbones(cache: Path) -> None:
    theirs = publish("resnet50", cache)
    net = models.fcn_resnet50(weights_backbone="DEFAULT", num_classes=3)
    expected = theirs.state_dict()
    for name, value in net.backbone.state_dict().items():
        np.testing.assert_array_equal(
            value.cpu().numpy(), expected[name].cpu().numpy(), err_msg=name
        )


def test_vgg16_as_the_backbone_of_fcn() -> None:
    state = {name: mc.Tensor.of(value) for name, value in _vgg16_state().items()}
    net = models.FCNVGG(32, 2, channels=(4, 4, 8, 8, 8), hidden=6)
    net.load_vgg16(state)
    np.testing.assert_array_equal(
        net.classifier[0].weight.detach().cpu().numpy().reshape(6, -1),
        state["classifier.0.weight"].cpu().numpy(),
    )
    np.testing.assert_array_equal(
        net.features[0].weight.detach().cpu().numpy(), state["features.0.weight"].cpu().numpy()
    )
    # what it computes is VGG's hidden layers at every place, here at the middle of 7 x 7 features
    features = np.random.default_rng(1).normal(size=(1, 8, 7, 7)).astype(np.float32)
    ours = net.eval().classifier(mc.tensor(features)).detach().cpu().numpy()[0, :, 3, 3]
    hidden = np.maximum(state["classifier.0.weight"].cpu().numpy() @ features.ravel(), 0)
    np.testing.assert_allclose(
        ours,
        np.maximum(state["classifier.3.weight"].cpu().numpy() @ hidden, 0),
        rtol=1e-4,
        atol=1e-4,
    )


def _vgg16_state() -> dict[str, np.ndarray]:
    """Weights of a VGG-16 with few channels, without biases that differ from zero."""
    rng = np.random.default_rng(0)
    like = models.FCNVGG(32, 2, channels=(4, 4, 8, 8, 8), hidden=6)
    state = {f"features.{name}": value.shape for name, value in like.features.state_dict().items()}
    state |= {
        "classifier.0.weight": (6, 8 * 49), "classifier.0.bias": (6,),
        "classifier.3.weight": (6, 6), "classifier.3.bias": (6,),
        "classifier.6.weight": (1000, 6), "classifier.6.bias": (1000,),
    }  # fmt: skip
    return {
        name: rng.normal(size=shape).astype(np.float32) * (not name.endswith("bias"))
        for name, shape in state.items()
    }


def test_vgg16_of_another_form_does_not_fit() -> None:
    state = {name: mc.Tensor.of(value) for name, value in _vgg16_state().items()}
    del state["features.5.bias"]
    state["classifier.3.weight"] = mc.zeros(5, 6)
    net = models.FCNVGG(32, 2, channels=(4, 4, 8, 8, 8), hidden=6)
    with pytest.raises(RuntimeError) as failure:
        net.load_vgg16({**state, "extra": mc.zeros(1)})
    for part in (
        'Missing key(s) in state_dict: "features.5.bias"',
        '"extra"',
        "classifier.3.weight",
    ):
        assert part in str(failure.value)


@pytest.mark.parametrize("name", ["fcn16s", "fcn_resnet50"])
def test_weights_hold_their_backbone(name: str, tmp_path: Path) -> None:
    options: dict[str, Any] = {"channels": (4, 4, 8, 8, 8), "hidden": 6} if name == "fcn16s" else {}
    net = build(name, **options)
    save_weights(net.state_dict(), tmp_path / "x.npz")
    again = models.get_model(
        name, weights=tmp_path / "x.npz", weights_backbone="DEFAULT", **options
    )  # fmt: skip
    for a, b in zip(net.state_dict().values(), again.state_dict().values(), strict=True):
        np.testing.assert_array_equal(a.cpu().numpy(), b.cpu().numpy())


# ---- by file ----


@pytest.mark.parametrize("name", ["resnet18", "googlenet", "fcn_resnet50"])
def test_what_a_file_replaces_is_passed_over(name: str, tmp_path: Path) -> None:
    """The numbers drawn afterwards are the ones that follow the network's first weights."""
    options = {"init_weights": False} if name == "googlenet" else {}
    save_weights(build(name).state_dict(), tmp_path / "x.safetensors")
    mc.manual_seed(0)
    models.get_model(name, weights=None, **options)
    expected = mc.get_rng_state()
    mc.manual_seed(0)
    models.get_model(name, weights=tmp_path / "x.safetensors")
    assert (mc.get_rng_state() == expected).all()


@pytest.mark.parametrize("suffix", [".safetensors", ".npz"])
def test_ones_own_file(suffix: str, tmp_path: Path) -> None:
    net = models.resnet18(num_classes=3)
    save_weights(net.state_dict(), tmp_path / f"mine{suffix}")
    again = models.get_model("resnet18", weights=str(tmp_path / f"mine{suffix}"), num_classes=3)
    for a, b in zip(net.state_dict().values(), again.state_dict().values(), strict=True):
        np.testing.assert_array_equal(a.cpu().numpy(), b.cpu().numpy())


def test_files_without_auxiliary_classifiers(tmp_path: Path) -> None:
    path = tmp_path / "mine.safetensors"
    save_weights(models.googlenet(num_classes=2, aux_logits=False).state_dict(), path)
    assert not models.googlenet(weights=path, num_classes=2).aux_logits
    with pytest.raises(RuntimeError, match=r"Missing key.*aux1\.conv"):
        models.googlenet(weights=path, num_classes=2, aux_logits=True)
    save_weights(build("fcn_resnet50", num_classes=2).state_dict(), path)
    assert models.fcn_resnet50(weights=path, num_classes=2).aux_classifier is None


def test_a_file_that_is_not_there() -> None:
    with pytest.raises(FileNotFoundError, match=r"no file of weights at 'absent\.pth'"):
        models.resnet18(weights="absent.pth")


def test_keys_and_sizes_that_do_not_fit_are_grouped_as_by_torch(tmp_path: Path) -> None:
    theirs = torch_models.get_model("resnet18", 10)
    torch.save(theirs.state_dict(), tmp_path / "x.pth")
    with pytest.raises(RuntimeError) as ours:
        models.resnet18(weights=tmp_path / "x.pth")
    with pytest.raises(RuntimeError) as expected:
        torch_models.get_model("resnet18", 1000).load_state_dict(theirs.state_dict())
    assert _plain(str(ours.value)) == _plain(str(expected.value))
    with pytest.raises(RuntimeError) as ours:
        models.resnet34(weights=tmp_path / "x.pth", num_classes=10)
    with pytest.raises(RuntimeError) as expected:
        torch_models.get_model("resnet34", 10).load_state_dict(theirs.state_dict())
    assert _plain(str(ours.value)) == _plain(str(expected.value))
    assert str(ours.value).count("Missing key(s)") == 1
    torch.save(torch_models.get_model("resnet34", 10).state_dict(), tmp_path / "x.pth")
    with pytest.raises(RuntimeError, match=r'Unexpected key\(s\) in state_dict: "layer1\.2\.conv1'):
        models.resnet18(weights=tmp_path / "x.pth", num_classes=10)


def _plain(message: str) -> str:
    return message.replace("torch.Size([", "(").replace("])", ")").replace(",)", ")")


# ---- for other classes ----


def test_num_classes_with_published_weights_offers_a_new_head(cache: Path) -> None:
    with pytest.raises(
        ValueError, match=r"IMAGENET1K_V1 of resnet18 have 1000 classes, got num_classes=2: .*"
        r"call models\.replace_head\(net, 2\)",
    ):  # fmt: skip
        models.resnet18(weights="DEFAULT", num_classes=2)
    with pytest.raises(ValueError, match=r"have 21 classes, got num_classes=1000"):
        models.fcn_resnet50(weights="DEFAULT", num_classes=1000)
    publish("resnet18", cache)
    assert models.resnet18(weights="DEFAULT", num_classes=1000).fc.out_features == 1000


@pytest.mark.parametrize("name", every_network())
def test_a_new_head_and_nothing_else(name: str) -> None:
    options: dict[str, Any] = {"aux_loss": True} if name.startswith("fcn_") else {}
    net = build(name, **options)
    before = net.state_dict()
    assert models.replace_head(net, 3) is net
    after = net.state_dict()
    like = build(name, num_classes=3, **options).state_dict()
    assert {key: value.shape for key, value in after.items()} == {
        key: value.shape for key, value in like.items()
    }
    heads = {f"{head}.{kind}" for head in net.head_layers for kind in ("weight", "bias")}
    assert heads >= {key for key in after if after[key].shape != before[key].shape}
    for key in after.keys() - heads:
        assert after[key].array.base is before[key].array.base or np.shares_memory(
            after[key].array, before[key].array
        ), key
    for key in after.keys() & heads:
        assert np.isfinite(after[key].cpu().numpy()).all(), f"{key} was not drawn"


def test_a_new_head_has_the_dtype_and_the_mode_of_the_old_one() -> None:
    net = build("resnet18").to(dtype=mc.float64)
    assert models.replace_head(net, 2).fc.weight.dtype == np.float64
    assert net.fc.training and not models.replace_head(net.eval(), 2).fc.training
    fcn = models.FCNVGG(8, 21, channels=(4, 4, 8, 8, 8), hidden=6)
    models.replace_head(fcn, 2)
    assert fcn.eval()(mc.zeros(1, 3, 32, 45))["out"].shape == (1, 2, 32, 45)
    np.testing.assert_array_equal(fcn.upscore.weight.detach().cpu().numpy()[0, 1], 0)
    assert fcn.upscore.weight.detach().cpu().numpy()[1, 1].max() > 0.8


@pytest.mark.parametrize("name", every_network())
def test_all_but_the_head_is_frozen(name: str) -> None:
    net = build(name, num_classes=2)
    assert models.freeze(net) is net
    trained = {key for key, weight in net.named_parameters() if weight.requires_grad}
    heads = tuple(f"{head}." for head in net.head_layers)
    assert trained == {key for key, _ in net.named_parameters() if key.startswith(heads)}
    assert trained


def test_a_frozen_network_trains_its_head() -> None:
    net = models.freeze(models.resnet18(num_classes=2))
    nn.functional.cross_entropy(net(mc.randn(2, 3, 33, 33)), mc.tensor([0, 1])).backward()
    assert {key for key, weight in net.named_parameters() if weight.grad is not None} == {
        "fc.weight",
        "fc.bias",
    }
    net.requires_grad_(True)
    assert all(weight.requires_grad for weight in net.parameters())


def test_networks_of_others_have_no_known_head() -> None:
    for change in (models.freeze, lambda net: models.replace_head(net, 2)):
        with pytest.raises(TypeError, match=r"networks of minicnn\.models, got Linear"):
            change(nn.Linear(2, 2))


# ---- GoogLeNet's and FCN's own ways ----


def test_googlenet_outputs_by_mode() -> None:
    net = models.googlenet(num_classes=3)
    images = mc.randn(2, 3, 32, 32)
    outputs = net(images)
    assert isinstance(outputs, models.GoogLeNetOutputs)
    assert outputs._fields == ("logits", "aux_logits2", "aux_logits1")
    assert all(output.shape == (2, 3) for output in outputs)
    outputs.aux_logits1.sum().backward()
    assert net.aux1.fc2.weight.grad is not None and net.aux2.fc2.weight.grad is None
    assert net.inception4a.branch1.conv.weight.grad is not None
    assert net.inception4b.branch1.conv.weight.grad is None
    assert net.eval()(images).shape == (2, 3)
    plain = models.googlenet(num_classes=3, aux_logits=False)
    assert plain(images).shape == (2, 3)


def test_googlenet_transforms_its_input() -> None:
    net = models.googlenet(num_classes=3, aux_logits=False).eval()
    pixels = np.random.default_rng(0).random((1, 3, 32, 32)).astype(np.float32)
    mean, std = np.float32([0.485, 0.456, 0.406]), np.float32([0.229, 0.224, 0.225])
    normalised = (pixels - mean[:, None, None]) / std[:, None, None]
    with mc.no_grad():
        expected = net(mc.tensor((pixels - 0.5) / 0.5))
        net.transform_input = True
        np.testing.assert_allclose(
            net(mc.tensor(normalised)).cpu().numpy(), expected.cpu().numpy(), rtol=1e-4, atol=1e-6
        )


def test_fcn_outputs() -> None:
    net = models.fcn_resnet50(num_classes=3, aux_loss=True).eval()
    with mc.no_grad():
        scores = net(mc.randn(1, 3, 37, 50))
    assert list(scores) == ["out", "aux"]
    assert all(score.shape == (1, 3, 37, 50) for score in scores.values())
    with pytest.raises(ValueError, match=r"\(N, 3, H, W\).*got \(1, 1, 37, 50\)"):
        net(mc.zeros(1, 1, 37, 50))


@pytest.mark.parametrize("size", [(32, 32), (33, 47), (67, 45), (96, 63)])
@pytest.mark.parametrize("scale", [8, 16, 32])
def test_fcn_on_vgg_gives_scores_of_the_size_of_the_picture(
    scale: int, size: tuple[int, int]
) -> None:
    net = models.FCNVGG(scale, 3, channels=(4, 4, 8, 8, 8), hidden=6).eval()
    with mc.no_grad():
        assert net(mc.randn(2, 3, *size))["out"].shape == (2, 3, *size)


def test_fcn_on_vgg_names_wrong_arguments() -> None:
    with pytest.raises(ValueError, match=r"scale must be one of \(8, 16, 32\), got 4"):
        models.FCNVGG(4)
    net = models.FCNVGG(8, 3, channels=(4, 4, 8, 8, 8), hidden=6)
    with pytest.raises(ValueError, match=r"at least 32, got \(1, 3, 31, 40\)"):
        net(mc.zeros(1, 3, 31, 40))


@pytest.mark.parametrize(
    "make, smallest, name",
    [
        (lambda: build("vgg11", num_classes=2), 32, "VGG"),
        (lambda: build("googlenet", num_classes=2), 15, "GoogLeNet"),
        (lambda: build("alexnet", num_classes=2), 63, "AlexNet"),
    ],
)
def test_the_smallest_pictures(make: Any, smallest: int, name: str) -> None:
    net = make().eval()
    with mc.no_grad():
        for value in net.state_dict().values():
            value.fill_(1 if value.ndim < 2 else 0)
        assert net(mc.zeros(1, 3, smallest, smallest)).shape == (1, 2)
    with pytest.raises(ValueError, match=rf"{name} expects .* at least {smallest}"):
        net(mc.zeros(1, 3, smallest - 1, 80))


@pytest.mark.slow
@pytest.mark.not_emulated
def test_vgg_may_start_as_its_layers_do() -> None:
    net = models.vgg11(init_weights=False, num_classes=2)
    for layer in (net.features[3], net.classifier[3]):  # U(±1 / sqrt(fan_in))
        weight = layer.weight.detach().cpu().numpy()
        assert weight.std() == pytest.approx((3 * weight[0].size) ** -0.5, rel=0.02)
    weight = models.vgg11(num_classes=2).classifier[0].weight.detach().cpu().numpy()
    assert weight.std() == pytest.approx(0.01, rel=0.02)


def test_resnets_refuse_what_torchvisions_do() -> None:
    with pytest.raises(ValueError, match="three values"):
        models.resnet50(replace_stride_with_dilation=(True,))
    with pytest.raises(NotImplementedError, match="dilation of 1, got 2"):
        models.resnet18(replace_stride_with_dilation=(False, True, True))
    net = models.resnet18(num_classes=2, zero_init_residual=True)
    assert not net.layer1[0].bn2.weight.detach().cpu().numpy().any()

"""Every network has torchvision's weights: as many, under the same names, in the same order."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from networks import USUAL, build

from minicnn import models, nn
from minicnn.models._api import PUBLISHED

# name, options, number of weights, number of entries in the state_dict, and SHA-256 of their names
# and shapes; from torchvision 0.28, but for its lack of alexnet227, paper_5x5 and FCNs on VGG
EXPECTED: list[tuple[str, dict[str, Any], int, int, str]] = [
    ("alexnet", {}, 61_100_840, 16, "9c198ebdae1863e4"),
    ("alexnet", {"num_classes": 2}, 57_012_034, 16, "fac7ac6d5428315b"),
    ("alexnet227", {}, 62_378_344, 16, "e6697a5d8e1611bf"),
    ("alexnet227", {"num_classes": 2}, 58_289_538, 16, "544fab05da8aa950"),
    ("convnext_base", {}, 88_591_464, 344, "7a4c459fd822b7d1"),
    ("convnext_large", {}, 197_767_336, 344, "081e7faa1aa9cc21"),
    ("convnext_small", {}, 50_223_688, 344, "92e28edd02cca7d0"),
    ("convnext_tiny", {}, 28_589_128, 182, "2bc10f3450aaa086"),
    ("convnext_tiny", {"num_classes": 2}, 27_821_666, 182, "532f900d4c59630d"),
    ("deeplabv3_mobilenet_v3_large", {}, 11_025_477, 352, "5aae96cee8a33b7f"),
    ("deeplabv3_mobilenet_v3_large", {"aux_loss": True}, 11_029_328, 360, "671c2b1ee0185d8a"),
    ("deeplabv3_resnet101", {}, 58_630_997, 668, "6f7b2c77b70ef852"),
    ("deeplabv3_resnet101", {"aux_loss": True}, 60_996_202, 676, "cfa9819a8c87c0ea"),
    ("deeplabv3_resnet50", {}, 39_638_869, 362, "c1e485a49718d37e"),
    ("deeplabv3_resnet50", {"aux_loss": True}, 42_004_074, 370, "92bcc20e8ff09729"),
    ("densenet121", {}, 7_978_856, 727, "aa0fd9923b0003b8"),
    ("densenet121", {"num_classes": 2}, 6_955_906, 727, "c6a6ab34d457ea25"),
    ("densenet161", {}, 28_681_000, 967, "82d337d48f910d3a"),
    ("densenet169", {}, 14_149_480, 1015, "e2d0f02d9c0ce650"),
    ("densenet201", {}, 20_013_928, 1207, "0d234ad7e9a31b95"),
    ("efficientnet_b0", {}, 5_288_548, 360, "a04d0792ee390a49"),
    ("efficientnet_b0", {"num_classes": 2}, 4_010_110, 360, "dc1bd368881eb2be"),
    ("efficientnet_b1", {}, 7_794_184, 508, "9aaba0741e04badf"),
    ("efficientnet_b2", {}, 9_109_994, 508, "a6d3677e95ef315b"),
    ("efficientnet_b3", {}, 12_233_232, 574, "495111442d67e56d"),
    ("efficientnet_b4", {}, 19_341_616, 706, "2974b9d3c0556036"),
    ("efficientnet_b5", {}, 30_389_784, 854, "281af15aa41414bf"),
    ("efficientnet_b6", {}, 43_040_704, 986, "c32e05b40510b08d"),
    ("efficientnet_b7", {}, 66_347_960, 1200, "3d2a7737a3d81e53"),
    ("efficientnet_v2_l", {}, 118_515_272, 1548, "d77db9d94fce76ee"),
    ("efficientnet_v2_m", {}, 54_139_356, 1120, "5049b2b40578e130"),
    ("efficientnet_v2_s", {}, 21_458_488, 782, "1d905bff391f9c32"),
    ("efficientnet_v2_s", {"num_classes": 2}, 20_180_050, 782, "bc7f21163d12a7ad"),
    ("fcn16s", {}, 134_815_994, 36, "bae15463672c1eba"),
    ("fcn32s", {}, 136_152_917, 33, "3a6189e33160a078"),
    ("fcn8s", {}, 134_489_759, 39, "6898dd73cf3e5094"),
    ("fcn8s", {"num_classes": 2}, 134_271_430, 39, "a56f1856b00c8be9"),
    ("fcn_resnet101", {}, 51_949_141, 632, "c3b029759a6d82bc"),
    ("fcn_resnet101", {"aux_loss": True}, 54_314_346, 640, "25617490219d50b0"),
    ("fcn_resnet50", {}, 32_957_013, 326, "0c41f22cc800b8ce"),
    ("fcn_resnet50", {"aux_loss": True}, 35_322_218, 334, "1092973e1eb9477c"),
    ("fcn_resnet50", {"num_classes": 2}, 32_947_266, 326, "dc31933b464614a2"),
    ("googlenet", {}, 13_004_888, 364, "7f541ca29410efb1"),
    ("googlenet", {"aux_logits": False}, 6_624_904, 344, "f66489fa14bd9d5a"),
    ("googlenet", {"num_classes": 2}, 9_936_038, 364, "f777f855d4c56744"),
    ("googlenet", {"aux_logits": False, "num_classes": 2}, 5_601_954, 344, "cae6731685956624"),
    ("googlenet", {"aux_logits": False, "paper_5x5": True}, 7_005_832, 344, "4f28dc19c1bad43a"),
    ("inception_v3", {}, 27_161_264, 580, "aab0ac2cbaf84aa2"),
    ("inception_v3", {"aux_logits": False}, 23_834_568, 566, "f3a329f258a780ee"),
    ("lraspp_mobilenet_v3_large", {}, 3_221_538, 319, "7f11e0bc36163653"),
    ("lraspp_mobilenet_v3_large", {"num_classes": 2}, 3_218_308, 319, "7c3ed7986fa15125"),
    ("mnasnet0_5", {}, 2_218_512, 314, "1ed44e7f7de28388"),
    ("mnasnet0_75", {}, 3_170_208, 314, "93d711f59686004d"),
    ("mnasnet1_0", {}, 4_383_312, 314, "c26097f381d52b59"),
    ("mnasnet1_3", {}, 6_282_256, 314, "9ce90280583fa871"),
    ("mobilenet_v2", {}, 3_504_872, 314, "37bbbce8932fd0c4"),
    ("mobilenet_v2", {"num_classes": 2}, 2_226_434, 314, "be640f41e1aea42e"),
    ("mobilenet_v3_large", {}, 5_483_032, 312, "efe98e40831bae95"),
    ("mobilenet_v3_large", {"num_classes": 2}, 4_204_594, 312, "46cb5b128644c65b"),
    ("mobilenet_v3_small", {}, 2_542_856, 244, "5f0efaf3ff4ac979"),
    ("mobilenet_v3_small", {"num_classes": 2}, 1_519_906, 244, "34e045dada61ea07"),
    ("regnet_x_16gf", {}, 54_278_536, 428, "be447a28aff929a2"),
    ("regnet_x_1_6gf", {}, 9_190_136, 356, "c1a260a7b00a531c"),
    ("regnet_x_32gf", {}, 107_811_560, 446, "7ae1b5bc1949c5b3"),
    ("regnet_x_3_2gf", {}, 15_296_552, 482, "f892a07a8de49009"),
    ("regnet_x_400mf", {}, 5_495_976, 428, "a620146711eeaf3e"),
    ("regnet_x_800mf", {}, 7_259_656, 320, "586dc3c8f1acbb7c"),
    ("regnet_x_8gf", {}, 39_572_648, 446, "fccf9ea872d43bf4"),
    ("regnet_y_128gf", {}, 644_812_894, 626, "b5f662e242f7be46"),
    ("regnet_y_16gf", {}, 83_590_140, 428, "75477b95f83a4fa4"),
    ("regnet_y_1_6gf", {}, 11_202_430, 626, "ed96623b1aea474a"),
    ("regnet_y_32gf", {}, 145_046_770, 472, "650dda4954e51709"),
    ("regnet_y_3_2gf", {}, 19_436_338, 494, "c9e6bcc15425c5e6"),
    ("regnet_y_400mf", {}, 4_344_144, 384, "f09a9d430ba9389b"),
    ("regnet_y_400mf", {"num_classes": 2}, 3_904_026, 384, "f79836f446863e48"),
    ("regnet_y_800mf", {}, 6_432_512, 340, "f231872c05967ac7"),
    ("regnet_y_8gf", {}, 39_381_472, 406, "5397113dc7c97332"),
    ("resnet101", {}, 44_549_160, 626, "02c0f34f4842751f"),
    ("resnet101", {"num_classes": 2}, 42_504_258, 626, "b8a0e3d5d521408b"),
    ("resnet152", {}, 60_192_808, 932, "685c66205bc823aa"),
    ("resnet152", {"num_classes": 2}, 58_147_906, 932, "6ab190bc7030dfea"),
    ("resnet18", {}, 11_689_512, 122, "84fb10d9c6905a1c"),
    ("resnet18", {"num_classes": 2}, 11_177_538, 122, "d94698ee1d3f5ec1"),
    ("resnet34", {}, 21_797_672, 218, "28f9096d51307499"),
    ("resnet34", {"num_classes": 2}, 21_285_698, 218, "21d78ff6cbcead7e"),
    ("resnet50", {}, 25_557_032, 320, "d7e4f8bb0a536344"),
    ("resnet50", {"num_classes": 2}, 23_512_130, 320, "605f24a652725bf3"),
    ("resnext101_32x8d", {}, 88_791_336, 626, "da7dd7525807e2ee"),
    ("resnext101_64x4d", {}, 83_455_272, 626, "90caac80ae24c51d"),
    ("resnext50_32x4d", {}, 25_028_904, 320, "e3bad165c034e60f"),
    ("shufflenet_v2_x0_5", {}, 1_366_792, 338, "f0a5936e646f1bd4"),
    ("shufflenet_v2_x1_0", {}, 2_278_604, 338, "81b349bc1cbbbc7a"),
    ("shufflenet_v2_x1_0", {"num_classes": 2}, 1_255_654, 338, "42580832009eedde"),
    ("shufflenet_v2_x1_5", {}, 3_503_624, 338, "506b4de341bf52b3"),
    ("shufflenet_v2_x2_0", {}, 7_393_996, 338, "0c033bd0cd72af37"),
    ("squeezenet1_0", {"num_classes": 2}, 736_450, 52, "4a16dbd5123f25bb"),
    ("squeezenet1_0", {}, 1_248_424, 52, "4654d26ad581241f"),
    ("squeezenet1_1", {}, 1_235_496, 52, "1d365589393f9c1e"),
    ("vgg11", {}, 132_863_336, 22, "cb3dc23f2a13e182"),
    ("vgg11_bn", {}, 132_868_840, 62, "8b6717e727c0ecf9"),
    ("vgg13", {}, 133_047_848, 26, "67c1dc8b57fde74b"),
    ("vgg13_bn", {}, 133_053_736, 76, "f6b0597d18a7e4d2"),
    ("vgg16", {}, 138_357_544, 32, "35c4623e0cd4a39d"),
    ("vgg16", {"num_classes": 2}, 134_268_738, 32, "e935faf1ebf4b09a"),
    ("vgg16_bn", {}, 138_365_992, 97, "347371586a8ea365"),
    ("vgg16_bn", {"num_classes": 2}, 134_277_186, 97, "b45e85643969e8f9"),
    ("vgg19", {}, 143_667_240, 38, "4723255af8f6c485"),
    ("vgg19_bn", {}, 143_678_248, 118, "fc3ff6fab2b5cc09"),
    ("vit_b_16", {}, 86_567_656, 152, "b124b34d9346c58c"),
    ("vit_b_16", {"image_size": 384}, 86_859_496, 152, "93ecb93c53d5971a"),
    ("vit_b_32", {}, 88_224_232, 152, "f8bc3a1f2fd0c4c4"),
    ("vit_b_32", {"num_classes": 2}, 87_456_770, 152, "b0d6f418f7e9626c"),
    ("vit_h_14", {}, 632_045_800, 392, "05e3d14dfbc1b2ac"),
    ("vit_h_14", {"image_size": 518}, 633_470_440, 392, "feb9d80065032be8"),
    ("vit_l_16", {}, 304_326_632, 296, "0fd5127fe79be5b3"),
    ("vit_l_16", {"image_size": 512}, 305_174_504, 296, "281fa00b7768fa82"),
    ("vit_l_32", {}, 306_535_400, 296, "8b7397ee7b872a2b"),
    ("wide_resnet101_2", {}, 126_886_696, 626, "4f088c0a152b8f5c"),
    ("wide_resnet50_2", {}, 68_883_240, 320, "41203d1d536c02ed"),
]


def count(net: nn.Module) -> int:
    return sum(weight.numel() for weight in net.parameters())


@pytest.mark.parametrize(
    "name, options, weights, entries, digest",
    [row if row[0] in USUAL else pytest.param(*row, marks=pytest.mark.slow) for row in EXPECTED],
)
def test_counts_and_keys(
    name: str, options: dict[str, Any], weights: int, entries: int, digest: str
) -> None:
    net = build(name, **options)
    state = net.state_dict()
    text = "\n".join(f"{key} {tuple(value.shape)}" for key, value in state.items())
    assert (count(net), len(state)) == (weights, entries)
    assert hashlib.sha256(text.encode()).hexdigest()[:16] == digest


def test_every_network_is_expected() -> None:
    assert {name for name, *_ in EXPECTED} == set(models.list_models())


def test_published_counts_are_those_of_the_networks() -> None:
    """Without GoogLeNet's auxiliary classifiers, with those for segmentation, as torchvision does."""
    counts = {(name, str(options)): weights for name, options, weights, *_ in EXPECTED}
    for name, entries in PUBLISHED.items():
        for entry in entries:
            expected = counts[name, str(_options(name, entry.meta["min_size"][0]))]
            assert entry.meta["num_params"] == expected, name


def _options(name: str, size: int) -> dict[str, Any]:
    """Of the network that published weights fit."""
    if name == "googlenet":
        return {"aux_logits": False}
    if name.startswith(("fcn_", "deeplabv3_")):
        return {"aux_loss": True}
    if name.startswith("vit_") and size != 224:
        return {"image_size": size}
    return {}

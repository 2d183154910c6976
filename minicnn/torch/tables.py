"""Which modules of minicnn answer for which of torch and torchvision, and names that differ.

A path is ``"module"`` or ``"module:attribute"``. An alias module has all that its sources have,
which may be more than torch's module of that name: ``torch.nn.modules.conv`` has every layer.
"""

from __future__ import annotations

__all__ = ["MODULES", "NAMES"]

# torch's dotted name: the modules that answer, separated by spaces, the first one first
MODULES = {
    "torch": "minicnn",
    "torch.__config__": "minicnn.config",
    "torch.accelerator": "minicnn.accelerator",
    "torch.amp": "minicnn.amp",
    "torch.autograd": "minicnn.autograd",
    "torch.backends": "minicnn.backends",
    "torch.backends.cpu": "minicnn.backends:cpu",
    "torch.backends.cuda": "minicnn.backends:cuda",
    "torch.backends.cudnn": "minicnn.backends:cudnn",
    "torch.backends.mkldnn": "minicnn.backends:mkldnn",
    "torch.backends.mps": "minicnn.backends:mps",
    "torch.cpu": "minicnn.cpu",
    "torch.cpu.amp": "minicnn.amp",
    "torch.cuda": "minicnn.cuda",
    "torch.cuda.amp": "minicnn.cuda:amp",
    "torch.distributed": "minicnn.distributed",
    "torch.functional": "minicnn",
    "torch.hub": "minicnn.hub",
    "torch.jit": "minicnn.jit",
    "torch.linalg": "minicnn.linalg",
    "torch.mps": "minicnn.mps",
    "torch.multiprocessing": "minicnn.multiprocessing",
    "torch.nn": "minicnn.nn",
    "torch.nn.functional": "minicnn.nn.functional",
    "torch.nn.init": "minicnn.nn.init",
    "torch.nn.modules": "minicnn.nn",
    "torch.nn.parallel": "minicnn.nn.parallel",
    "torch.nn.parameter": "minicnn.nn.parameter",
    "torch.nn.utils": "minicnn.nn.utils",
    "torch.optim": "minicnn.optim",
    "torch.optim.lr_scheduler": "minicnn.optim.lr_scheduler",
    "torch.optim.swa_utils": "minicnn.optim.swa_utils",
    "torch.profiler": "minicnn.profiler",
    "torch.random": "minicnn.random",
    "torch.serialization": "minicnn.torch.serialization minicnn.io",
    "torch.special": "minicnn.special",
    "torch.types": "minicnn.typing",
    "torch.utils": "minicnn.utils",
    "torch.utils.checkpoint": "minicnn.utils.checkpoint",
    "torch.utils.data": "minicnn.data",
    "torch.utils.model_zoo": "minicnn.hub",
    "torch.utils.tensorboard": "minicnn.utils.tensorboard",
    "torch.version": "minicnn.version",
    "torchvision": "",
    "torchvision.datasets": "minicnn.data.datasets minicnn.data",
    "torchvision.datasets.utils": "minicnn.data.datasets.utils",
    "torchvision.io": "minicnn.io.pictures",
    "torchvision.models": "minicnn.models",
    "torchvision.models._utils": "minicnn.models._utils",
    "torchvision.models.feature_extraction": "minicnn.models.feature_extraction",
    "torchvision.models.segmentation": "minicnn.models.segmentation",
    "torchvision.transforms": "minicnn.transforms",
    "torchvision.transforms.functional": "minicnn.transforms.functional",
    "torchvision.utils": "minicnn.utils.pictures",
    "torchvision.version": "minicnn.torchvision.version",
}

# Modules of torch that only part a larger one: all of them have what the larger one has.
_PARTS = {
    "torch.amp": "autocast_mode grad_scaler",
    "torch.autograd": "function grad_mode gradcheck profiler variable",
    "torch.cuda": "memory random",
    "torch.cuda.amp": "autocast_mode grad_scaler",
    "torch.nn.modules": (
        "activation adaptive batchnorm channelshuffle container conv distance dropout flatten fold "
        "instancenorm linear loss module normalization padding pixelshuffle pooling sparse "
        "transformer upsampling utils"
    ),
    "torch.nn.parallel": "data_parallel",
    "torch.nn.utils": "clip_grad convert_parameters fusion parametrizations parametrize",
    "torch.optim": (
        "adadelta adagrad adam adamax adamw asgd lbfgs nadam optimizer radam rmsprop rprop sgd"
    ),
    "torch.utils.data": "_utils _utils.collate dataloader dataset distributed sampler",
    "torch.utils.tensorboard": "writer",
    "torchvision.datasets": (
        "cifar fakedata flowers102 folder imagenet mnist oxford_iiit_pet svhn vision voc"
    ),
    "torchvision.io": "image",
    "torchvision.models": "_api",
    "torchvision.models.segmentation": "fcn",
    "torchvision.transforms": "autoaugment transforms",
}
MODULES |= {
    f"{whole}.{part}": MODULES[whole] for whole, parts in _PARTS.items() for part in parts.split()
}

# Networks: each file has its building blocks, too.
MODULES |= {
    f"torchvision.models.{name}": f"minicnn.models.{name} minicnn.models"
    for name in ("alexnet", "googlenet", "resnet", "vgg")
}

# torch's dotted name: the object
NAMES = {
    "torch.__version__": "minicnn.torch.version:__version__",
    "torch.version.__version__": "minicnn.torch.version:__version__",
    "torchvision.__version__": "minicnn.torchvision.version:__version__",
    "torchvision.version.__version__": "minicnn.torchvision.version:__version__",
    "torch.save": "minicnn.torch.serialization:save",
    "torch.load": "minicnn.torch.serialization:load",
    "torch.nn.modules.conv._ConvNd": "minicnn.nn.conv:_Conv",
    "torch.nn.modules.batchnorm._BatchNorm": "minicnn.nn.norm:_BatchNorm",
    "torch.nn.modules.loss._Loss": "minicnn.nn.loss:_Loss",
    "torch.nn.modules.loss._WeightedLoss": "minicnn.nn.loss:_WeightedLoss",
}
NAMES |= {
    f"torch.nn.modules.utils.{name}": f"minicnn.nn.tuples:{name}"
    for name in ("_ntuple", "_pair", "_quadruple", "_reverse_repeat_tuple", "_single", "_triple")
}

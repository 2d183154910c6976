"""Which modules of minicnn answer for which of torch and torchvision, and names that differ.

A path is ``"module"`` or ``"module:attribute"``. An alias module has all that its sources have,
which may be more than torch's module of that name: ``torch.nn.modules.conv`` has every layer.
"""

from __future__ import annotations

__all__ = ["CLASSES", "MODULES", "NAMES"]

# Modules of torch that have the same place in minicnn.
_SAME = """
accelerator amp autograd autograd.function autograd.functional autograd.grad_mode autograd.gradcheck
autograd.variable backends cpu cuda cuda.amp cuda.memory cuda.nvtx cuda.streams distributed
distributions distributions.constraints func hub
jit linalg multiprocessing nn nn.attention nn.functional nn.init nn.parallel nn.parameter nn.utils
nn.utils.clip_grad nn.utils.convert_parameters nn.utils.init nn.utils.parametrizations
nn.utils.parametrize nn.utils.prune nn.utils.rnn nn.utils.spectral_norm nn.utils.stateless
nn.utils.weight_norm onnx optim optim.lr_scheduler optim.swa_utils profiler random special testing utils
utils.checkpoint utils.tensorboard
version
"""

# Files of torchvision.models, each with its networks and their building blocks.
_NETWORKS = """
alexnet convnext densenet efficientnet googlenet inception mnasnet mobilenetv2 mobilenetv3 regnet
resnet shufflenetv2 squeezenet vgg vision_transformer
"""

# The others: torch's dotted name, and the modules that answer, the first one first.
MODULES = {
    **{f"torch.{name}": f"minicnn.{name}" for name in _SAME.split()},
    "torch": "minicnn",
    "torch._C": "minicnn.torch.internals",
    "torch.__config__": "minicnn.config",
    "torch.export": "minicnn.torch.dimensions",
    "torch.autograd.profiler": "minicnn.profiler",
    "torch.backends.cpu": "minicnn.backends:cpu",
    "torch.backends.cuda": "minicnn.backends:cuda",
    "torch.backends.cudnn": "minicnn.backends:cudnn",
    "torch.backends.mkl": "minicnn.backends:mkl",
    "torch.backends.mkldnn": "minicnn.backends:mkldnn",
    "torch.backends.mps": "minicnn.backends:mps",
    "torch.backends.openmp": "minicnn.backends:openmp",
    "torch.cpu.amp": "minicnn.amp",
    "torch.functional": "minicnn",
    "torch.fx": "minicnn.torch.tracing",
    "torch.jit.annotations": "typing",
    "torch.mps": "minicnn.absent:mps",
    "torch.nn": "minicnn.nn minicnn.torch.absent_layers",
    "torch.nn.modules": "minicnn.nn minicnn.torch.absent_layers",
    "torch.profiler.profiler": "minicnn.profiler",
    "torch.serialization": "minicnn.torch.serialization",
    "torch.types": "minicnn.typing",
    "torch.utils.data": "minicnn.data",
    "torch.utils.hooks": "minicnn.nn.hooks",
    "torch.utils.data._utils.collate": "minicnn.data.collate",
    "torch.utils.model_zoo": "minicnn.hub",
    "torch.utils.tensorboard._pytorch_graph": "minicnn.utils.tensorboard",  # tensorboardX imports it
    "torch.xpu": "minicnn.absent:xpu",
    "torchvision": "",
    "torchvision.datasets": "minicnn.data.datasets minicnn.data",
    "torchvision.datasets.utils": "minicnn.data.datasets.utils",
    "torchvision.io": "minicnn.io.pictures",
    "torchvision.models": "minicnn.models",
    "torchvision.models._utils": "minicnn.models._utils",
    "torchvision.models.feature_extraction": "minicnn.models.feature_extraction",
    "torchvision.models.mobilenet": "minicnn.models",
    "torchvision.models.segmentation": "minicnn.models.segmentation",
    **{
        f"torchvision.models.segmentation.{name}": f"minicnn.models.segmentation.{name}"
        for name in ("_utils", "deeplabv3", "fcn", "lraspp")
    },
    "torchvision.ops": "minicnn.vision",
    "torchvision.transforms": "minicnn.transforms",
    "torchvision.transforms.functional": "minicnn.transforms.functional",
    "torchvision.transforms.v2": "minicnn.transforms.v2",
    "torchvision.transforms.v2._utils": "minicnn.transforms.v2._samples",
    "torchvision.transforms.v2.functional": "minicnn.transforms.v2.functional",
    "torchvision.tv_tensors": "minicnn.tv_tensors",
    "torchvision.utils": "minicnn.viz.grid minicnn.viz.draw",
    "torchvision.version": "",
    **{
        f"torchvision.models.{name}": f"minicnn.models.{name} minicnn.models"
        for name in _NETWORKS.split()
    },
}

# Modules of torch that are part of a larger one: each has all that the larger one has.
_PARTS = {
    "torch.amp": "autocast_mode grad_scaler",
    "torch.cuda": "random",
    "torch.cuda.amp": "autocast_mode grad_scaler",
    "torch.distributions": (
        "bernoulli beta categorical chi2 dirichlet distribution exponential gamma independent kl "
        "laplace log_normal mixture_same_family multivariate_normal normal one_hot_categorical "
        "uniform"
    ),
    "torch.nn.modules": (
        "activation adaptive batchnorm channelshuffle container conv distance dropout flatten fold "
        "instancenorm lazy linear loss module normalization padding pixelshuffle pooling sparse "
        "transformer upsampling utils"
    ),
    "torch.nn.parallel": "data_parallel distributed",
    "torch.profiler": "profiler",
    "torch.optim": (
        "adadelta adagrad adam adamax adamw asgd lbfgs nadam optimizer radam rmsprop rprop sgd"
    ),
    "torch.utils.data": "_utils dataloader dataset distributed sampler",
    "torch.utils.tensorboard": "writer",
    "torchvision.datasets": (
        "cifar fakedata flowers102 folder imagenet mnist oxford_iiit_pet svhn vision voc"
    ),
    "torchvision.io": "image",
    "torchvision.models": "_api",
    "torchvision.ops": (
        "boxes ciou_loss diou_loss drop_block feature_pyramid_network focal_loss giou_loss misc "
        "poolers roi_align roi_pool stochastic_depth"
    ),
    "torchvision.transforms": "autoaugment transforms",
}
MODULES |= {
    f"{whole}.{part}": MODULES[whole] for whole, parts in _PARTS.items() for part in parts.split()
}
MODULES["torchvision.datasets.folder"] += " minicnn.data.image_folder"
MODULES["torchvision.datasets.imagenet"] += " minicnn.data.datasets.imagenet"
MODULES["torchvision.ops.feature_pyramid_network"] += " minicnn.vision.feature_pyramid"
MODULES["torch.optim.optimizer"] += " minicnn.optim.optimizer"

# torch's dotted name: the object
NAMES = {
    "torch.__version__": "minicnn.torch.version:__version__",
    "torch.version.__version__": "minicnn.torch.version:__version__",
    "torchvision.__version__": "minicnn.torchvision.version:__version__",
    "torchvision.version.__version__": "minicnn.torchvision.version:__version__",
    "torch.cdouble": "minicnn.torch.absent_dtypes:complex128",
    "torch.cfloat": "minicnn.torch.absent_dtypes:complex64",
    "torch.complex64": "minicnn.torch.absent_dtypes:complex64",
    "torch.complex128": "minicnn.torch.absent_dtypes:complex128",
    "torch.hub.urlparse": "urllib.parse:urlparse",
    "torch.nn.utils.rnn.PackedSequence": "minicnn.torch.absent_layers:PackedSequence",
    "torch.onnx.export": "minicnn.torch.onnx_export:export",
    "torchvision.datasets.wrap_dataset_for_transforms_v2": (
        "minicnn.tv_tensors.datasets:wrap_dataset_for_transforms_v2"
    ),
    "torch.save": "minicnn.torch.serialization:save",
    "torch.load": "minicnn.torch.serialization:load",
    "torch.nn.modules.conv._ConvNd": "minicnn.nn.conv:_Conv",
    "torch.nn.modules.batchnorm._BatchNorm": "minicnn.nn.norm:_BatchNorm",
    "torch.nn.modules.batchnorm._NormBase": "minicnn.nn.norm:_NormBase",
    "torch.nn.modules.instancenorm._InstanceNorm": "minicnn.nn.norm:_InstanceNorm",
    "torchvision.transforms.v2._utils._convert_fill_arg": "minicnn.transforms.v2._fill:check_fill",
    "torchvision.transforms.v2._utils._get_fill": "minicnn.transforms.v2._fill:fill_for",
    "torchvision.transforms.v2._utils._setup_fill_arg": "minicnn.transforms.v2._fill:check_fill",
    "torch.nn.modules.loss._Loss": "minicnn.nn.loss:Loss",
    "torch.nn.modules.loss._WeightedLoss": "minicnn.nn.loss:WeightedLoss",
}
NAMES |= {
    f"torch.nn.modules.utils.{name}": f"minicnn.nn.tuples:{name}"
    for name in ("_ntuple", "_pair", "_quadruple", "_reverse_repeat_tuple", "_single", "_triple")
}

# Classes that say that they are in torch's module, under the switch: programs print type(x), and
# libraries look for "torch" in it.
CLASSES = {
    "minicnn.nn.parameter:Parameter": "torch.nn.parameter",
    "minicnn.size:Size": "torch",
    "minicnn.tensor:Tensor": "torch",
}

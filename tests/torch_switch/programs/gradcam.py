"""Grad-CAM on a torchvision network, through hooks; guided backpropagation in a ReLU."""

import heatmaps as colours  # a module beside this script
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from PIL import Image
from torch.autograd import Function
from torchvision import models, transforms


class GradCam:
    def __init__(self, model, target_layer):
        self.model = model.eval()
        self.gradients = None
        self.activations = None
        self.handles = [
            target_layer.register_forward_hook(self.save_activation),
            target_layer.register_full_backward_hook(self.save_gradient),
        ]

    def save_activation(self, module, input, output):
        self.activations = output.detach()

    def save_gradient(self, module, grad_input, grad_output):
        self.gradients = grad_output[0].detach()

    def __call__(self, x, class_idx=None):
        b, c, h, w = x.size()
        logit = self.model(x)
        if class_idx is None:
            class_idx = logit.max(1)[-1]
        score = logit[:, class_idx].squeeze()
        self.model.zero_grad()
        score.backward(retain_graph=True)
        weights = self.gradients.view(b, self.gradients.size(1), -1).mean(2).view(b, -1, 1, 1)
        saliency = F.relu((weights * self.activations).sum(1, keepdim=True))
        saliency = F.interpolate(saliency, size=(h, w), mode="bilinear", align_corners=False)
        low, high = saliency.min(), saliency.max()
        return (saliency - low).div(high - low).data, logit

    def remove(self):
        for handle in self.handles:
            handle.remove()


class GuidedReLU(Function):
    @staticmethod
    def forward(ctx, input_img):
        positive = (input_img > 0).type_as(input_img)
        output = torch.addcmul(
            torch.zeros(input_img.size()).type_as(input_img), input_img, positive
        )
        ctx.save_for_backward(input_img, output)
        return output

    @staticmethod
    def backward(ctx, grad_output):
        input_img, output = ctx.saved_tensors
        positive1 = (input_img > 0).type_as(grad_output)
        positive2 = (grad_output > 0).type_as(grad_output)
        return grad_output * positive1 * positive2


def replace_relus(module):
    for name, child in module._modules.items():
        replace_relus(child)
        if child.__class__.__name__ == "ReLU":
            module._modules[name] = GuidedReLU.apply


torch.manual_seed(0)
model = models.resnet18(weights=None)
pixels = (np.add.outer(np.arange(80), np.arange(80)) * 1.5).astype(np.uint8)
image = Image.fromarray(np.stack([pixels, pixels.T[::-1], 255 - pixels], 2))
preprocess = transforms.Compose(
    [
        transforms.Resize(72),
        transforms.CenterCrop(64),
        transforms.ToTensor(),
        transforms.Normalize(mean=[0.485, 0.456, 0.406], std=[0.229, 0.224, 0.225]),
    ]
)
input_tensor = preprocess(image).unsqueeze(0).requires_grad_(True)

cam = GradCam(model, model.layer4[-1])
mask, logit = cam(input_tensor)
print(mask.shape, "%.5f %.5f" % (mask.mean().item(), mask.std().item()))
top = F.softmax(logit, dim=1).topk(3)
print(top.values.sum().item())
print("gradient of the image %.6f" % input_tensor.grad.abs().mean().item())
cam.remove()
heat = colours.heatmap(mask.squeeze().cpu().numpy())
print(heat.shape, heat.dtype)

net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Conv2d(8, 5, 3), nn.ReLU())


class Guided(nn.Module):
    def __init__(self, net):
        super().__init__()
        self.net = net

    def forward(self, x):
        for module in self.net._modules.values():
            x = module(x)
        return x.mean((2, 3))


guided = Guided(net)
plain = guided(input_tensor).sum()
replace_relus(guided.net)
input_tensor.grad.zero_()
guided(input_tensor).sum().backward()
print(plain.item(), input_tensor.grad.abs().sum().item())

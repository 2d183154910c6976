"""Cells of a notebook, one after the other: a network by hand, then with torch.nn."""

# In [1]:
import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn, optim
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
rng = np.random.RandomState(0)
x_train = rng.rand(320, 64).astype(np.float32)
y_train = (x_train[:, :10]).argmax(1)
x_train, y_train = map(torch.tensor, (x_train, y_train))
n, c = x_train.shape
print(x_train.shape, y_train.min(), y_train.max())

# In [2]:
weights = torch.randn(64, 10) / math.sqrt(64)
weights.requires_grad_()
bias = torch.zeros(10, requires_grad=True)


def log_softmax(x):
    return x - x.exp().sum(-1).log().unsqueeze(-1)


def model(xb):
    return log_softmax(xb @ weights + bias)


def nll(input, target):
    return -input[range(target.shape[0]), target].mean()


def accuracy(out, yb):
    preds = torch.argmax(out, dim=1)
    return (preds == yb).float().mean()


bs = 32
lr = 0.5
for i in range((n - 1) // bs + 1):
    xb = x_train[i * bs : i * bs + bs]
    yb = y_train[i * bs : i * bs + bs]
    loss = nll(model(xb), yb)
    loss.backward()
    with torch.no_grad():
        weights -= weights.grad * lr
        bias -= bias.grad * lr
        weights.grad.zero_()
        bias.grad.zero_()
    print(loss.item())


# In [3]:
class Lambda(nn.Module):
    def __init__(self, func):
        super().__init__()
        self.func = func

    def forward(self, x):
        return self.func(x)


def preprocess(x, y):
    return x.view(-1, 1, 8, 8), y


class WrappedDataLoader:
    def __init__(self, dl, func):
        self.dl = dl
        self.func = func

    def __len__(self):
        return len(self.dl)

    def __iter__(self):
        for b in self.dl:
            yield self.func(*b)


net = nn.Sequential(
    nn.Conv2d(1, 16, kernel_size=3, stride=2, padding=1),
    nn.ReLU(),
    nn.Conv2d(16, 10, kernel_size=3, stride=2, padding=1),
    nn.ReLU(),
    nn.AdaptiveAvgPool2d(1),
    Lambda(lambda x: x.view(x.size(0), -1)),
)
train_dl = WrappedDataLoader(
    DataLoader(TensorDataset(x_train, y_train), bs, shuffle=True), preprocess
)
opt = optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
losses = []
for epoch in range(2):
    net.train()
    for xb, yb in train_dl:
        loss = F.cross_entropy(net(xb), yb)
        loss.backward()
        opt.step()
        opt.zero_grad()
        losses.append(loss.item())
        print(epoch, loss.item())
print(np.mean(losses))
print(net)

# In [4]:
x = torch.linspace(-2, 2, 9, requires_grad=True)
y = (x**3 - 2 * x).sum()
(g,) = torch.autograd.grad(y, x, create_graph=True)
print(g)
g.sum().backward()
print(x.grad)
a = torch.arange(12).reshape(3, 4)
print(a, a.t().shape, a.sum(0), a.float().mean(dim=1, keepdim=True))
print(torch.cat([a, a], dim=1).shape, torch.stack([a, a]).shape, a[a > 5], a.numpy().dtype)

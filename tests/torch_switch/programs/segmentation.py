"""A fully convolutional network with skips, a void class and mean intersection over union."""

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.optim import lr_scheduler
from torch.utils.data import DataLoader, Dataset

NUM_CLASSES = 4
VOID = 255


class Squares(Dataset):
    def __init__(self, count, size=24):
        self.rng = np.random.RandomState(count)
        self.samples = [self.draw(size) for _ in range(count)]

    def draw(self, size):
        image = self.rng.rand(3, size, size).astype("float32") * 0.3
        mask = np.zeros((size, size), dtype="int64")
        for label in range(1, NUM_CLASSES):
            x, y = self.rng.randint(0, size - 8, 2)
            image[label - 1, y : y + 8, x : x + 8] += 0.7
            mask[y : y + 8, x : x + 8] = label
        mask[0] = VOID
        return torch.from_numpy(image), torch.from_numpy(mask).long()

    def __len__(self):
        return len(self.samples)

    def __getitem__(self, index):
        return self.samples[index]


def bilinear_kernel(in_channels, out_channels, kernel_size):
    factor = (kernel_size + 1) // 2
    center = factor - 1 if kernel_size % 2 == 1 else factor - 0.5
    og = np.ogrid[:kernel_size, :kernel_size]
    filt = (1 - abs(og[0] - center) / factor) * (1 - abs(og[1] - center) / factor)
    weight = np.zeros((in_channels, out_channels, kernel_size, kernel_size), dtype="float32")
    weight[range(in_channels), range(out_channels), :, :] = filt
    return torch.from_numpy(weight)


def block(cin, cout):
    return nn.Sequential(nn.Conv2d(cin, cout, 3, padding=1), nn.ReLU(inplace=True), nn.MaxPool2d(2))


class FCN(nn.Module):
    def __init__(self, num_classes):
        super().__init__()
        self.stage1 = block(3, 12)
        self.stage2 = block(12, 16)
        self.stage3 = block(16, 24)
        self.scores1 = nn.Conv2d(24, num_classes, 1)
        self.scores2 = nn.Conv2d(16, num_classes, 1)
        self.scores3 = nn.Conv2d(12, num_classes, 1)
        self.up = nn.ConvTranspose2d(num_classes, num_classes, 4, 2, 1, bias=False)
        self.up.weight.data = bilinear_kernel(num_classes, num_classes, 4)
        for m in self.modules():
            if isinstance(m, nn.Conv2d):
                nn.init.kaiming_normal_(m.weight, mode="fan_out", nonlinearity="relu")
                nn.init.constant_(m.bias, 0)

    def forward(self, x):
        size = x.size()[2:]
        s1 = self.stage1(x)
        s2 = self.stage2(s1)
        s3 = self.stage3(s2)
        out = self.up(self.scores1(s3)) + self.scores2(s2)
        out = self.up(out) + self.scores3(s1)
        return F.interpolate(out, size=size, mode="bilinear", align_corners=False)


def fast_hist(label, pred, n):
    mask = (label >= 0) & (label < n)
    return torch.bincount(n * label[mask] + pred[mask], minlength=n**2).reshape(n, n)


torch.manual_seed(3)
device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
train_data = DataLoader(Squares(40), 4, shuffle=True, drop_last=True)
test_data = DataLoader(Squares(10), 4)
net = FCN(NUM_CLASSES).to(device)
criterion = nn.CrossEntropyLoss(ignore_index=VOID, weight=torch.tensor([0.5, 1.0, 1.0, 1.0]))
optimizer = torch.optim.SGD(
    [
        {"params": [p for n, p in net.named_parameters() if n.endswith("bias")], "lr": 0.02},
        {
            "params": [p for n, p in net.named_parameters() if not n.endswith("bias")],
            "weight_decay": 1e-4,
        },
    ],
    lr=0.01,
    momentum=0.9,
)
total = 2 * len(train_data)
scheduler = lr_scheduler.LambdaLR(optimizer, lambda step: (1 - step / total) ** 0.9)

for epoch in range(2):
    net.train()
    for im, label in train_data:
        im, label = im.to(device), label.to(device)
        out = net(im)
        loss = criterion(out, label)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        scheduler.step()
        print("epoch %d loss %.6f lr %.6f" % (epoch, loss.item(), optimizer.param_groups[1]["lr"]))
    net.eval()
    hist = torch.zeros(NUM_CLASSES, NUM_CLASSES)
    with torch.no_grad():
        for im, label in test_data:
            pred = net(im).max(dim=1)[1]
            hist += fast_hist(label.flatten(), pred.flatten(), NUM_CLASSES)
    iou = torch.diag(hist) / (hist.sum(1) + hist.sum(0) - torch.diag(hist))
    print("sum of the matrix:", hist.sum().item(), "NaN:", torch.isnan(iou).any().item(), iou.shape)

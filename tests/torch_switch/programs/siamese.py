"""Siamese networks: contrastive loss on pairs, then triplets."""

import random

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.autograd import Variable
from torch.utils.data import DataLoader, Dataset

torch.manual_seed(11)
np.random.seed(11)
random.seed(11)


class Pairs(Dataset):
    def __init__(self, count):
        labels = np.random.randint(0, 4, count)
        self.images = torch.from_numpy(np.random.rand(count, 1, 14, 14).astype(np.float32))
        self.images += torch.from_numpy(labels).float().view(-1, 1, 1, 1)
        self.group = {k: np.where(labels == k)[0] for k in range(4)}
        self.labels = labels

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, index):
        same = random.choice(self.group[self.labels[index]].tolist())
        other = random.choice([i for i in range(len(self)) if self.labels[i] != self.labels[index]])
        return self.images[index], self.images[same], self.images[other]


class SiameseNetwork(nn.Module):
    def __init__(self):
        super(SiameseNetwork, self).__init__()
        self.cnn = nn.Sequential(
            nn.ReflectionPad2d(1),
            nn.Conv2d(1, 4, kernel_size=3),
            nn.ReLU(inplace=True),
            nn.Conv2d(4, 8, kernel_size=3, stride=2),
            nn.PReLU(),
            nn.AvgPool2d(2),
        )
        self.fc = nn.Sequential(nn.Linear(8 * 3 * 3, 32), nn.ReLU(), nn.Linear(32, 5))
        self.apply(self.init_weights)

    def init_weights(self, m):
        if isinstance(m, nn.Linear):
            torch.nn.init.xavier_uniform_(m.weight)
            m.bias.data.fill_(0.01)

    def forward_once(self, x):
        output = self.cnn(x)
        return self.fc(output.view(output.size()[0], -1))

    def forward(self, *inputs):
        return tuple(self.forward_once(x) for x in inputs)


class ContrastiveLoss(torch.nn.Module):
    def __init__(self, margin=2.0):
        super(ContrastiveLoss, self).__init__()
        self.margin = margin

    def forward(self, output1, output2, label):
        distance = F.pairwise_distance(output1, output2, keepdim=True)
        return torch.mean(
            (1 - label) * torch.pow(distance, 2)
            + label * torch.pow(torch.clamp(self.margin - distance, min=0.0), 2)
        )


net = SiameseNetwork()
loader = DataLoader(Pairs(60), batch_size=6, shuffle=True)
criterion = ContrastiveLoss()
optimizer = torch.optim.SGD(net.parameters(), lr=0.005, momentum=0.5)
for anchor, positive, negative in loader:
    anchor, positive, negative = Variable(anchor), Variable(positive), Variable(negative)
    optimizer.zero_grad()
    a, p, n = net(anchor, positive, negative)
    near, far = torch.zeros(len(a), 1), torch.ones(len(a), 1)
    loss = criterion(a, p, near) + criterion(a, n, far)
    loss.backward()
    optimizer.step()
    print("contrastive %.6f" % loss.item())

triplet = nn.TripletMarginLoss(margin=1.0, p=2)
ranking = nn.MarginRankingLoss(margin=0.2)
similarity = nn.CosineSimilarity(dim=1)
for anchor, positive, negative in loader:
    a, p, n = net(anchor, positive, negative)
    y = torch.ones(a.size(0))
    loss = triplet(a, p, n) + 0.1 * ranking(similarity(a, p), similarity(a, n), y)
    loss = loss + nn.CosineEmbeddingLoss()(a, p, y)
    optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(net.parameters(), 1.0)
    optimizer.step()
    print("triplet %.6f" % loss.item())
with torch.no_grad():
    vectors = F.normalize(net.forward_once(loader.dataset.images[:10]))
    print(torch.cdist(vectors, vectors).sum().item(), torch.norm(vectors, dim=1).mean().item())

"""Worker processes as scripts use them on Linux: no guard, nothing that can be pickled."""

import random

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset, IterableDataset, get_worker_info

torch.manual_seed(0)
random.seed(0)
np.random.seed(0)


class Augmented(Dataset):
    def __init__(self, size):
        self.images = torch.randn(size, 1, 12, 12)
        self.labels = torch.randint(0, 4, (size,))
        self.flip = lambda image: image.flip(-1) if random.random() < 0.5 else image

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index):
        image = self.flip(self.images[index])
        image = image * float(np.random.uniform(0.8, 1.2)) + 0.1 * torch.randn(1, 12, 12)
        return image, self.labels[index]


class Lines(IterableDataset):
    def __iter__(self):
        info = get_worker_info()
        for number in range(info.id, 11, info.num_workers):
            yield {"number": number, "noise": random.random() + torch.rand(1).item()}


net = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(400, 4))
optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
criterion = nn.CrossEntropyLoss()
train_loader = DataLoader(Augmented(40), batch_size=8, shuffle=True, num_workers=2)
test_loader = DataLoader(Augmented(16), batch_size=8, num_workers=1, persistent_workers=True)
for epoch in range(3):
    for images, labels in train_loader:
        optimizer.zero_grad()
        loss = criterion(net(images), labels)
        loss.backward()
        optimizer.step()
        print(f"epoch {epoch} loss {loss.item():.6f}")
    with torch.no_grad():
        losses = [criterion(net(images), labels).item() for images, labels in test_loader]
    print(f"epoch {epoch} test loss {np.mean(losses):.6f}")

for batch in DataLoader(Lines(), batch_size=3, num_workers=2):
    print(batch["number"].tolist(), batch["noise"].dtype, f"{batch['noise'].sum():.6f}")

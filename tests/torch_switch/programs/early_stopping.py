"""Early stopping with checkpoints, a resumed run, and a schedule that waits for a plateau."""

import os
import shutil

import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, SubsetRandomSampler, TensorDataset, random_split


class EarlyStopping:
    def __init__(self, patience=2, verbose=True, delta=0.0, path="checkpoint.pt"):
        self.patience = patience
        self.verbose = verbose
        self.counter = 0
        self.best_score = None
        self.early_stop = False
        self.val_loss_min = np.inf
        self.delta = delta
        self.path = path

    def __call__(self, val_loss, model):
        score = -val_loss
        if self.best_score is None or score >= self.best_score + self.delta:
            self.best_score = score
            if self.verbose:
                print(f"Validation loss decreased ({self.val_loss_min:.6f} --> {val_loss:.6f}).")
            torch.save(model.state_dict(), self.path)
            self.val_loss_min = val_loss
            self.counter = 0
        else:
            self.counter += 1
            print(f"EarlyStopping counter: {self.counter} out of {self.patience}")
            self.early_stop = self.counter >= self.patience


def save_checkpoint(state, is_best, filename="checkpoint.pth.tar"):
    torch.save(state, filename)
    if is_best:
        shutil.copyfile(filename, "model_best.pth.tar")


def evaluate(model, loader, criterion):
    model.eval()
    with torch.no_grad():
        losses = [criterion(model(x), y).item() for x, y in loader]
    return np.average(losses)


def make_model():
    return nn.Sequential(
        nn.Linear(20, 32), nn.LayerNorm(32), nn.GELU(), nn.Dropout(p=0.3), nn.Linear(32, 1)
    )


torch.manual_seed(123)
x = torch.randn(200, 20)
y = x[:, :3].sum(1, keepdim=True) + 0.1 * torch.randn(200, 1)
train_set, test_set = random_split(TensorDataset(x, y), [160, 40])
np.random.seed(1)
indices = np.random.permutation(len(train_set)).tolist()
train_loader = DataLoader(train_set, batch_size=16, sampler=SubsetRandomSampler(indices[32:]))
valid_loader = DataLoader(train_set, batch_size=16, sampler=SubsetRandomSampler(indices[:32]))
model = make_model()
criterion = nn.MSELoss()
optimizer = torch.optim.AdamW(model.parameters(), lr=0.01, weight_decay=0.01)
scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(
    optimizer, mode="min", factor=0.5, patience=1
)
stopping = EarlyStopping()

for epoch in range(3):
    model.train()
    for data, target in train_loader:
        optimizer.zero_grad()
        loss = criterion(model(data), target)
        loss.backward()
        optimizer.step()
        print(epoch, loss.item())
    valid_loss = evaluate(model, valid_loader, criterion)
    scheduler.step(valid_loss)
    print(epoch, "valid", valid_loss, "lr", optimizer.param_groups[0]["lr"])
    save_checkpoint(
        {
            "epoch": epoch + 1,
            "state_dict": model.state_dict(),
            "best_loss": valid_loss,
            "optimizer": optimizer.state_dict(),
            "rng_state": torch.get_rng_state(),
        },
        is_best=valid_loss <= stopping.val_loss_min,
    )
    stopping(valid_loss, model)
    if stopping.early_stop:
        print("Early stopping")
        break

if os.path.isfile("checkpoint.pth.tar"):
    checkpoint = torch.load("checkpoint.pth.tar", map_location="cpu", weights_only=False)
    model = make_model()
    model.load_state_dict(checkpoint["state_dict"])
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
    optimizer.load_state_dict(checkpoint["optimizer"])
    torch.set_rng_state(checkpoint["rng_state"])
    print("=> loaded checkpoint (epoch {})".format(checkpoint["epoch"]), checkpoint["best_loss"])
for data, target in train_loader:
    optimizer.zero_grad()
    loss = criterion(model(data), target)
    loss.backward()
    optimizer.step()
    print("resumed", loss.item())
model.load_state_dict(torch.load("checkpoint.pt"))
print("test", evaluate(model, DataLoader(test_set, batch_size=20), criterion))

"""A whole training by the scripts' loop, in double precision so that rounding decides nothing.

fitting.py FOLDER [--resume] [--killed-at STEP] [--device cuda] …
"""

import argparse
import os
import signal
import threading
from datetime import timedelta
from pathlib import Path

import numpy as np

import minicnn as mc
import minicnn.nn.functional as F
from minicnn import data, nn, optim, training

VOID = 255


class Pictures(data.Dataset):
    """Pictures (3, 6, 6) with masks, of which a part is void; augmented with noise."""

    def __init__(self, count, noise, seed):
        generator = np.random.default_rng(seed)
        self.images = generator.standard_normal((count, 3, 6, 6))
        self.masks = (self.images[:, 0] > 0).astype(np.int64)
        self.masks[generator.random(self.masks.shape) < 0.3] = VOID
        self.noise = noise

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index):
        if index == 5:
            raise data.SkipSample("broken")
        image = mc.from_numpy(self.images[index])
        if self.noise:
            image = image + mc.randn(6, generator=data.current_generator()).double() * 0.1
        return image, mc.from_numpy(self.masks[index])


parser = argparse.ArgumentParser()
parser.add_argument("out", type=Path)
parser.add_argument("--resume", action="store_true")
parser.add_argument("--killed-at", type=int)
parser.add_argument("--killed-after", type=float)
parser.add_argument("--stopped-at", type=int)
parser.add_argument("--hung-at", type=int)
parser.add_argument("--dropout", type=float, default=0.0)
parser.add_argument("--device", default="cpu")
args = parser.parse_args()
args.seed, args.epochs, args.batch_size = 3, 3, 8

OWN = "out", "resume", "killed_at", "killed_after", "stopped_at", "hung_at"


def kill_rank_1(number=signal.SIGKILL):
    if mc.distributed.get_rank() == 1:
        os.kill(os.getpid(), number)


if args.killed_after is not None:
    timer = threading.Timer(args.killed_after, kill_rank_1)
    timer.daemon = True
    timer.start()

if args.hung_at:
    mc.distributed.init_process_group(timeout=timedelta(seconds=3))
with training.open_run(args, OWN, best_by="val_mean_iou") as run:
    # 8 + 8 + 8 + 2 pictures: the last share of a batch may be empty
    train, val = Pictures(26, True, 0), Pictures(9, False, 1)
    loaders = data.DataLoader(train, 8, shuffle=True, num_workers=2), data.DataLoader(val, 2)
    net = nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.Dropout(args.dropout),
        nn.Conv2d(4, 2, 1),
    ).double().to(args.device)  # fmt: skip
    optimizer = optim.AdamW(net.parameters(), lr=0.01)
    schedule = optim.lr_scheduler.PolynomialLR(optimizer, 12)
    meter = training.ClassificationMeter(ignore_index=VOID)
    run.start(loaders, net=net, optimizer=optimizer, schedule=schedule, meter=meter)
    steps = run.epoch * 4 + run.batch

    def step(images, masks):
        global steps
        steps += 1
        if steps == args.killed_at:
            kill_rank_1()
        if steps == args.stopped_at:
            kill_rank_1(signal.SIGTERM)
        if steps == args.hung_at:
            kill_rank_1(signal.SIGSTOP)
        images, masks = images.to(args.device), masks.to(args.device)
        scores = net(images)
        loss = F.cross_entropy(scores, masks, ignore_index=VOID)
        optimizer.zero_grad()
        training.backward(loss)
        optimizer.step()
        schedule.step()
        return loss, scores, masks

    def validate():
        measured, loss, pixels = training.SegmentationMeter(2, VOID), 0.0, 0
        for images, masks in loaders[1]:
            images, masks = images.to(args.device), masks.to(args.device)
            scores, counting = net(images), int((masks != VOID).sum())
            measured.update(scores, masks)
            loss += F.cross_entropy(scores, masks, ignore_index=VOID).item() * counting
            pixels += counting
        loss, pixels = training.summed([loss, pixels])
        accuracy, mean_iou = measured.compute()
        return {"val_loss": loss / pixels, "val_accuracy": accuracy, "val_mean_iou": mean_iou}

    training.fit(run, loaders[0], step, validate)
    print(run.left_out)

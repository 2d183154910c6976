"""Learn to tell discs, squares and diamonds apart: data, network, loop and accuracy."""

import minicnn as mc
from minicnn import nn, optim

mc.manual_seed(0)  # the same random numbers in every run
# A shape is the pixels closer to a centre than a radius; how distance is measured gives its form.
labels = mc.randint(0, 3, (2500,))  # of N = 2500 pictures: 0 disc, 1 square, 2 diamond
row, column = 8 + 8 * mc.rand(2, 2500, 1, 1, 1)  # of the centres
dy, dx = (mc.arange(24).reshape(24, 1) - row).abs(), (mc.arange(24) - column).abs()  # to each pixel
distances = mc.stack([mc.sqrt(dx**2 + dy**2), mc.maximum(dx, dy), dx + dy])  # (3, N, 1, 24, 24)
inside = distances[labels, mc.arange(2500)] < 4 + 4 * mc.rand(2500, 1, 1, 1)  # the radius
images = inside.float() + 0.2 * mc.randn(2500, 1, 24, 24)  # (N, 1, 24, 24), with noise

net = nn.Sequential(
    nn.Conv2d(1, 8, kernel_size=5), nn.ReLU(), nn.MaxPool2d(2),  # (N, 8, 10, 10)
    nn.Conv2d(8, 16, kernel_size=5), nn.ReLU(), nn.AdaptiveMaxPool2d(1),  # (N, 16, 1, 1): maxima
    nn.Flatten(), nn.Linear(16, 3),  # (N, 3): a score for each shape
)  # fmt: skip
optimizer = optim.Adam(net.parameters(), lr=5e-3)

for epoch in range(1, 6):
    for batch in mc.randperm(2000).split(100):  # the first 2,000 pictures, shuffled, 100 at a time
        loss = nn.functional.cross_entropy(net(images[batch]), labels[batch])
        optimizer.zero_grad()  # forget the gradients of the step before
        loss.backward()  # the gradient of the loss by every weight
        optimizer.step()  # move every weight a little against its gradient
    with mc.no_grad():  # the other 500 pictures are not learned from
        correct = net(images[2000:]).argmax(1) == labels[2000:]
    print(f"epoch {epoch}: {correct.float().mean().item():.1%} of the held-out pictures right")

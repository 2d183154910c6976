"""The kinds of random calls: each draws an operation of one subject and its arguments."""

from __future__ import annotations

from .elementwise import binary, choices, in_place, operators, unary
from .images import images
from .indexing import arrangements, assignments, creations, picks, views
from .losses import losses
from .others import others
from .reductions import products, reductions
from .slopes import slopes

KINDS = {
    "unary": unary(),
    "binary": binary(),
    "operators": operators(),
    "choices": choices(),
    "reductions": reductions(),
    "views": views(),
    "images": images(),
    "losses": losses(),
    "products": products(),
    "in place": in_place(),
    "assignments": assignments(),
    "picks": picks(),
    "arrangements": arrangements(),
    "creations": creations(),
    "slopes": slopes(),
    "others": others(),
}

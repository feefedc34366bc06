"""Pictures of digits, as somebody may draw, print or photograph them: made of shapes, with chance in everything but the digit."""
import torch
import torch.nn.functional as F

from digit_shapes import CANVAS, DIGIT

SIZE = 32


def uniform(count, low, high, *shape):
    return low + (high - low) * torch.rand(count, *shape)


def moved(shapes, chance):
    """Turned, slanted, stretched, bent, in any place, between two fifths of the picture and nearly all of it: [count, 1, 32, 32]."""
    count = len(shapes)
    angle, slant = uniform(count, -0.3, 0.3) * chance, uniform(count, -0.3, 0.3) * chance
    # All of those that share a batch's half are about as large, and read a shape of about as many pixels as they have.
    larger = count // 2
    size = torch.cat([uniform(larger, 0.66, 0.98), uniform(count - larger, 0.78 - 0.38 * chance, 0.78)])
    stretch = torch.exp(uniform(count, -0.3, 0.3) * chance)
    cos, sin = torch.cos(angle), torch.sin(angle)
    turn = torch.stack([torch.stack([cos, -sin], -1), torch.stack([sin, cos], -1)], -2)
    shear = torch.eye(2).repeat(count, 1, 1)
    shear[:, 0, 1] = slant
    scale = torch.diag_embed(torch.stack([1 / (size * stretch), stretch / size], -1)) * DIGIT / CANVAS
    place = uniform(count, -1, 1, 2) * ((1 - size).clamp(min=0)[:, None] + 0.04)
    matrix = scale @ shear @ turn
    affine = torch.cat([matrix, -(matrix @ place[..., None])], -1)
    grid = F.affine_grid(affine, (count, 1, SIZE, SIZE), align_corners=False)
    bend = F.interpolate(torch.randn(count, 2, 4, 4), size=(SIZE, SIZE), mode="bicubic", align_corners=False)
    grid = grid + (bend * uniform(count, 0, 0.045 * chance, 1, 1, 1)).permute(0, 2, 3, 1)
    smooth = F.avg_pool2d(shapes[larger:, None], 2)
    return torch.cat([F.grid_sample(shapes[:larger, None], grid[:larger], align_corners=False),
                      F.grid_sample(smooth, grid[larger:], align_corners=False)])


def lined(count):
    """Ruled or squared paper, for one picture of ten."""
    y = torch.arange(SIZE)
    step, offset = uniform(count, 4, 10, 1), uniform(count, 0, 10, 1)
    line = (((y + offset) % step) < 1).float()
    across, along = line[:, None, :, None], line[:, None, None, :] * (torch.rand(count, 1, 1, 1) < 0.5)
    return torch.maximum(across.expand(-1, 1, -1, SIZE), along.expand(-1, 1, SIZE, -1)) * (torch.rand(count, 1, 1, 1) < 0.1)


def colours(count):
    """Of paper and ink, [count, 3, 1, 1] each: six of ten black on white or white on black, all of them well apart."""
    paper, ink = torch.rand(count, 3, 1, 1), torch.rand(count, 3, 1, 1)
    light = torch.tensor([0.299, 0.587, 0.114]).view(1, 3, 1, 1)
    gap = ((ink - paper) * light).sum(1, keepdim=True)
    # Ink that is too near goes away from paper, to the end that is farther.
    bright_paper = (paper * light).sum(1, keepdim=True) > 0.5
    ink = torch.where(gap.abs() < 0.35, torch.where(bright_paper, 0.05, 0.95), ink)
    plain = torch.rand(count, 1, 1, 1)
    dark, bright = uniform(count, 0, 0.15, 1, 1, 1), uniform(count, 0.85, 1, 1, 1, 1)
    paper = torch.where(plain < 0.3, dark, torch.where(plain < 0.6, bright, paper)).expand(-1, 3, -1, -1)
    ink = torch.where(plain < 0.3, bright, torch.where(plain < 0.6, dark, ink)).expand(-1, 3, -1, -1)
    return paper, ink


def pictures(shapes, chance=1.0):
    """[count, 64, 64] -> [count, 3, 32, 32] of 0 to 1; `chance`, 0 to 1, is how far they may be from plain ones."""
    count = len(shapes)
    strokes = moved(shapes, chance)
    paper, ink = colours(count)
    rough = torch.rand(count, 1, 1, 1) < 0.6 * chance
    shade = F.interpolate(torch.randn(count, 1, 2, 2), size=(SIZE, SIZE), mode="bilinear", align_corners=True)
    ground = paper + rough * shade * uniform(count, 0, 0.12, 1, 1, 1)
    ground = ground + (ink - ground) * lined(count) * uniform(count, 0.1, 0.5, 1, 1, 1)
    made = ground + (ink - ground) * strokes
    blurred = F.avg_pool2d(F.pad(made, (1, 1, 1, 1), mode="replicate"), 3, 1)
    made = torch.lerp(made, blurred, rough * uniform(count, 0, 0.8, 1, 1, 1))
    noise = torch.randn_like(made) * uniform(count, 0, 0.08, 1, 1, 1) * rough
    return (made + noise).clamp(0, 1)


def plain(shapes, inverted):
    """The same without chance: black on white, or white on black, with a margin."""
    strokes = F.avg_pool2d(shapes[:, None], CANVAS // SIZE).expand(-1, 3, -1, -1)
    return strokes if inverted else 1 - strokes

"""stub"""


def speakers(samples, scale):
    return []


def clips(*a):
    return []

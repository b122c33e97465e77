"""Errors cross from one process to another with everything they say."""

import pickle

import pytest

from esnode import errors
from esnode.errors import DocumentInvalid, DriverCallFailed, EndpointFailed, EsnodeError


def every_error(kind=EsnodeError):
    yield kind
    for child in kind.__subclasses__():
        if child.__module__ == errors.__name__:
            yield from every_error(child)


def made(kind):
    if issubclass(kind, DriverCallFailed):
        return kind("summary", call="nvmlInit", code=3, detail="detail.", next_step="next.")
    if issubclass(kind, EndpointFailed):
        return kind("summary", status=503, detail="detail.", next_step="next.")
    if issubclass(kind, DocumentInvalid):
        return kind("summary", (), next_step="next.")
    return kind("summary", detail="detail.", next_step="next.")


@pytest.mark.parametrize("kind", list(every_error()), ids=lambda kind: kind.__name__)
def test_an_error_survives_the_pipe(kind):
    error = made(kind)
    arrived = pickle.loads(pickle.dumps(error))
    assert type(arrived) is kind
    assert (arrived.args, vars(arrived)) == (error.args, vars(error))

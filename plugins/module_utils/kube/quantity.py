# Copyright: groundwork.platform maintainers
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Kubernetes' quantities, such as 500m or 2Gi."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

from ansible_collections.groundwork.platform.plugins.module_utils.kube.errors import KubeError

#: https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/
_DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BINARY = {"Ki": 1, "Mi": 2, "Gi": 3, "Ti": 4, "Pi": 5, "Ei": 6}


def quantity(value: str | int | float) -> Decimal:
    """Return the number that a quantity stands for (cores, bytes, objects).

    Raises ``KubeError`` (``invalid``).
    """
    text = str(value).strip()
    for suffix, power in _BINARY.items():
        if text.endswith(suffix):
            return _number(text[: -len(suffix)], text) * Decimal(1024) ** power
    if text and text[-1] in _DECIMAL:
        return _number(text[:-1], text).scaleb(_DECIMAL[text[-1]])
    return _number(text, text)


def _number(digits: str, text: str) -> Decimal:
    try:
        return Decimal(digits)
    except InvalidOperation as error:
        raise KubeError("invalid", f"{text!r} is no quantity, such as 500m or 2Gi.") from error

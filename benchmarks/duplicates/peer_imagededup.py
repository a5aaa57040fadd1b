"""imagededup over one folder; run by a Python that has it.

    python peer_imagededup.py FOLDER ANSWER.json THREADS NETWORK.onnx

Writes, for each method, the near pictures of each picture at the library's own defaults, and the time; or
why it could not be run. Where its own network cannot be had, the one in NETWORK.onnx takes its place.
"""

import json
import os
import sys
import time

THRESHOLDS = (0.9, 0.8, 0.7)  # for another network; 0.9 is the library's default, for its own


def run(name, make, folder, encoding, *findings):
    """One method, from files to near pictures, for each way of finding; an answer a way."""
    try:
        start = time.perf_counter()
        method = make()
        codes = method.encode_images(image_dir=folder, recursive=True, **encoding)
        preparing = time.perf_counter() - start
        return [found(name, method, codes, preparing, finding) for finding in findings]
    except Exception as error:  # noqa: BLE001
        return [{"name": name, "error": f"{type(error).__name__}: {error}"[:300]}]


def found(name, method, codes, preparing, finding):
    start = time.perf_counter()
    near = method.find_duplicates(encoding_map=codes, **finding)
    threshold = finding.get("min_similarity_threshold")
    name = f"{name} at {threshold}" if threshold else name
    return {
        "name": name,
        "near": near,
        "seconds": preparing + time.perf_counter() - start,
        "preparing": preparing,
    }


def network(file, threads):
    """A network in an ONNX file in the place of the library's own, which has to be downloaded."""
    import numpy as np
    import onnxruntime
    import torch
    from imagededup.utils.models import CustomModel
    from torchvision.transforms import CenterCrop, Compose, Resize

    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(file, settings)

    class Network(torch.nn.Module):
        def forward(self, pictures):
            return torch.from_numpy(session.run(["plain"], {"pictures": pictures.numpy()})[0])

    prepare = Compose([Resize(240), CenterCrop(224), lambda picture: torch.from_numpy(np.array(picture))])
    return CustomModel(name="efficientnet-lite0", model=Network(), transform=prepare)


def main():
    folder, answer, threads, file = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]
    os.environ["OMP_NUM_THREADS"] = str(threads)
    from imagededup.methods import CNN, PHash

    runs = run(
        "PHash",
        lambda: PHash(verbose=False),
        folder,
        {"num_enc_workers": threads},
        {"num_dist_workers": threads},
    )
    runs += run("CNN", lambda: CNN(verbose=False), folder, {}, {"num_sim_workers": threads})
    if "error" in runs[-1]:
        runs += run(
            "CNN with EfficientNet-Lite0",
            lambda: CNN(False, network(file, threads)),
            folder,
            {},
            *({"num_sim_workers": threads, "min_similarity_threshold": t} for t in THRESHOLDS),
        )
    with open(answer, "w") as target:
        json.dump(runs, target)


if __name__ == "__main__":
    main()

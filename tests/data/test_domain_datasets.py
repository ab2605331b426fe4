"""Several domains: class folders, tables of attributes, and one folder for degraded."""

import numpy as np
import pytest
import torch
from picture_folders import SIZE, contents, counts, dataset, fill, noise, save
from PIL import Image

from ganbench.data.base import DATASETS, SPLITS
from ganbench.errors import InputError
from ganbench.options import read_options
from ganbench.spec import make_specs
from ganbench.variants import load_suite

NAMES = ("cat", "dog", "fox")
LAYOUTS = ("attribute_table", "class_folders", "folder", "paired_folders", "side_by_side", "unpaired_folders")


@pytest.fixture
def classes(tmp_path):
    for name in NAMES:
        fill(tmp_path / name, 30)
    return tmp_path


@pytest.fixture
def people(tmp_path):
    """Return 60 pictures with a table: Male and Smiling as ±1, Style as a word."""
    fill(tmp_path / "images", 60)
    rows = [f"{k:03d}.jpg,{1 if k % 3 else -1},{1 if k % 2 else -1},{('ink', 'oil', 'pen')[k % 3]}" for k in range(70)]
    (tmp_path / "list_attr_celeba.csv").write_text("\n".join(["image_id,Male,Smiling,Style", *rows]))
    return tmp_path


def table(root, **options):
    return dataset("attribute_table", root, **{"attribute": "Male", "source": "male", "target": "not_male", **options})


def refusal(made):
    with pytest.raises(InputError) as caught:
        made.load(SIZE)
    return str(caught.value)


def picture(k):
    """Return a picture of ``people`` as its bytes in a dataset of 12 px."""
    return noise(f"images/{k}").transpose(2, 0, 1).tobytes()


def test_each_sub_folder_is_a_domain(classes):
    data = dataset("class_folders", classes, source="dog", target="cat").load(12)
    assert (data.source, data.target, data.others) == ("dog", "cat", ("fox",))
    everything = set.union(*contents(data, "fox").values())
    assert everything == {noise(f"fox/{k}").transpose(2, 0, 1).tobytes() for k in range(30)}


def test_other_domains_may_be_chosen(classes):
    assert dataset("class_folders", classes, source="dog", target="cat", others=[]).load(SIZE).others == ()


def test_splits_may_have_folders_of_their_own(tmp_path):
    for name in NAMES:
        fill(tmp_path / "train" / name, 40)
        fill(tmp_path / "val" / name, 5, start=40)
    options = {"source": "dog", "target": "cat", "folder": "{split}/{domain}"}
    assert counts(dataset("class_folders", tmp_path, **options).load(SIZE), "fox")["val"] == 5
    assert counts(dataset("class_folders", tmp_path, **options, test_word="val").load(SIZE), "fox")["test"] == 5


def test_an_unknown_sub_folder_is_answered_with_the_nearest(classes):
    said = refusal(dataset("class_folders", classes, source="dogs", target="cat"))
    assert "has no sub-folder 'dogs'. Did you mean 'dog'?" in said


def test_folders_by_split_are_recognised_where_none_are_expected(tmp_path):
    fill(tmp_path / "train" / "dog", 3)
    assert "give folder: '{split}/{domain}'" in refusal(dataset("class_folders", tmp_path, source="dog", target="cat"))


def test_class_folders_need_distinct_domains_and_a_known_layout(classes):
    for options, said in (({"target": "dog"}, "distinct"), ({"folder": "x"}, "must end in {domain}")):
        with pytest.raises(InputError, match=said):
            dataset("class_folders", classes, **{"source": "dog", "target": "cat", **options})


def test_the_attribute_divides_the_pictures(people):
    data = table(people).load(12)
    males = set.union(*contents(data, "male").values())
    assert males == {picture(k) for k in range(60) if k % 3}
    assert set.union(*contents(data, "not_male").values()) == {picture(k) for k in range(0, 60, 3)}


def test_labels_follow_their_pictures(people):
    data = table(people, labels=["Smiling", "Style"]).load(12)
    assert data.classes == {"Smiling": ("no", "yes"), "Style": ("ink", "oil", "pen")}
    assert data.common_attributes == ("Smiling", "Style")
    index = {picture(k): k for k in range(60)}
    for name in ("male", "not_male"):
        for split in SPLITS:
            numbers = torch.tensor([index[image.numpy().tobytes()] for image in data.images(name, split)])
            assert torch.equal(data.labels(name, split)["Smiling"], numbers % 2)
            assert torch.equal(data.labels(name, split)["Style"], numbers % 3)


def test_domains_may_be_named_or_be_words_of_the_table(people):
    named = table(people, source="man", target="woman", domains_by_value={"man": 1, "woman": -1}).load(SIZE)
    assert sum(counts(named, "woman").values()) == 20
    words = table(people, attribute="Style", source="ink", target="oil", others=["pen"]).load(SIZE)
    assert [sum(counts(words, name).values()) for name in ("ink", "oil", "pen")] == [20, 20, 20]


def test_celebas_text_file_gives_the_same(people):
    before = table(people, labels=["Smiling"]).load(SIZE).fingerprint
    lines = (people / "list_attr_celeba.csv").read_text().splitlines()
    text = "\n".join([str(len(lines) - 1), *(line.replace(",", "  ") for line in lines)]).replace("image_id", "")
    (people / "list_attr_celeba.txt").write_text(text)
    assert table(people, labels=["Smiling"], table="list_attr_celeba.txt").load(SIZE).fingerprint == before


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"attribute": "male"}, "has no attribute 'male'. Did you mean 'Male'?"),
        ({"labels": ["Smilling"]}, "Did you mean 'Smiling'?"),
        ({"source": "mail"}, "gives no domain 'mail'. Did you mean 'male'?"),
        ({"table": "list.csv"}, "list.csv"),
    ],
)
def test_unknown_names_are_answered_with_the_nearest(people, options, said):
    assert said in refusal(table(people, **options))


def test_pictures_without_a_row_are_named_at_once(people):
    fill(people / "images", 2, start=70)
    said = refusal(table(people))
    assert "070.png: has no row" in said
    assert "071.png" in said


def test_bad_rows_are_named_with_their_lines(people):
    path = people / "list_attr_celeba.csv"
    path.write_text(path.read_text() + "\n100.jpg,1,1\n101.jpg,1,,ink\n003.png,1,1,ink\n")
    said = refusal(table(people))
    assert "csv:72:" in said
    assert "csv:73:" in said
    assert "'003' stands twice" in said


def test_a_label_of_one_value_and_the_attribute_itself_are_refused(people):
    path = people / "list_attr_celeba.csv"
    path.write_text(
        "\n".join(f"{line},{'Same' if k == 0 else 5}" for k, line in enumerate(path.read_text().splitlines()))
    )
    assert "Got 1 in 'Same'" in refusal(table(people, labels=["Same"]))
    with pytest.raises(InputError, match="others than attribute"):
        table(people, labels=["Male"])


def test_one_folder_and_a_degradation_make_pairs(tmp_path):
    fill(tmp_path / "mine", 40)
    block = {"name": "folder", "root": str(tmp_path / "mine"), "n_test": 2}
    made = read_options(DATASETS.get("degraded"), {"of": block, "degradation": "grayscale"}, "dataset")
    data = made.load(12)
    assert (data.source, data.target, data.paired) == ("grayscale", "pictures", True)
    assert counts(data, "pictures")["test"] == 2
    grey = data.images("grayscale", "train")
    assert torch.equal(grey[:, 0], grey[:, 2])
    pixels = {image.numpy().tobytes() for image in data.images("pictures", "train")}
    assert pixels <= {noise(f"mine/{k}").transpose(2, 0, 1).tobytes() for k in range(40)}


def test_one_folder_alone_is_no_task(tmp_path, tiny_suite):
    fill(tmp_path / "mine", 40, width=16, height=16)
    path = tiny_suite(
        ("name: avatars, source: avataaars, target: adventurer, n_train: 24, n_val: 8, n_test: 8",
         f"name: folder, root: {tmp_path / 'mine'}"),
    )  # fmt: skip
    loaded = load_suite(path)
    data = loaded.dataset("cpu").load(16)
    with pytest.raises(InputError, match=r"tiny.yaml:4: dataset folder: .*degraded"):
        make_specs(loaded, "cpu", data, tmp_path / "results")


def test_absent_data_is_named_by_degraded_too(tmp_path):
    block = {"name": "folder", "root": str(tmp_path / "none")}
    assert "none" in read_options(DATASETS.get("degraded"), {"of": block}, "dataset").missing()


def test_a_loaded_dataset_is_resolved_to_the_same_options(people):
    made = table(people, labels=["Smiling"], domains_by_value={"male": 1, "not_male": -1})
    assert read_options(type(made), made.model_dump(), "dataset") == made


def test_memory_is_that_of_one_array(tmp_path):
    """Splits are views of the one array that the threads filled."""
    fill(tmp_path / "a", 30)
    data = dataset("folder", tmp_path / "a").load(SIZE)
    storages = {data.images("pictures", split).untyped_storage().data_ptr() for split in SPLITS}
    assert len(storages) == 1


@pytest.mark.parametrize("name", LAYOUTS)
def test_every_layout_has_a_card(name):
    card = DATASETS.get(name).card()
    assert card.summary
    assert card.counts
    assert all(field.description for field in DATASETS.get(name).model_fields.values())


def test_a_rotated_and_a_grey_picture_are_read_as_people_see_them(tmp_path):
    fill(tmp_path / "a", 30)
    turned = np.zeros((16, 8, 3), np.uint8)
    turned[:8] = 255

    picture = Image.fromarray(turned)
    tags = picture.getexif()
    tags[0x0112] = 6
    picture.save(tmp_path / "a" / "turned.png", exif=tags)
    save(tmp_path / "a" / "grey.png", noise("grey")[:, :, 0])
    data = dataset("folder", tmp_path / "a", crop="none").load(SIZE)
    images = torch.cat([data.images("pictures", split) for split in SPLITS]).float()
    assert (images[:, :, :, 5:].mean((1, 2, 3)) > 254).any()  # turned by 90°, what was above is at the right
    assert sum(bool((image[0] == image[1]).all()) for image in images) == 2

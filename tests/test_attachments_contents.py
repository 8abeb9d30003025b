"""What a file is by its content, what it may be called, and what a digest says: rules, without a database."""

import base64
import hashlib
import zipfile
from pathlib import Path
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.attachments import contents, office, pdf, rules
from app.errors import DomainError, Invalid, Malformed, WrongMediaType
from app.spreadsheets import archives
from tests.attachment_files import EXE, HTML, LET_IN, OPEN, PARTS, REFUSED, archive, jpeg, object_stream, png, rels
from tests.attachment_files import office as office_file
from tests.attachment_files import pdf as pdf_file

TYPES = sorted(rules.EXTENSIONS)


def looked_at(tmp_path: Path, content: bytes) -> str:
    path = tmp_path / "file"
    path.write_bytes(content)
    return contents.look(path)


@pytest.mark.parametrize("name", LET_IN)
def test_each_type_that_is_let_in_is_told_by_its_content(tmp_path: Path, name: str) -> None:
    media_type, content = LET_IN[name]
    found = looked_at(tmp_path, content)
    for told in (media_type, rules.UNTOLD):
        assert rules.agreed(told, found, name) == media_type
    assert rules.file_name(name, media_type) == name


def test_every_type_is_tried() -> None:
    assert {media_type for media_type, _ in LET_IN.values()} == set(TYPES)
    assert {*OPEN.values(), *(media_type for _, media_type in PARTS.values())} <= set(TYPES)


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_none_of_them_or_acts_is_refused(tmp_path: Path, what: str) -> None:
    with pytest.raises(Invalid) as refusal:
        looked_at(tmp_path, REFUSED[what])
    assert refusal.value.code == "file_refused"


def test_what_only_looks_like_something_active_is_let_in(tmp_path: Path) -> None:
    local = {"word/_rels/settings.xml.rels": rels("attachedTemplate", "file:///C:/Normal.dotm", "External")}
    link = {"word/_rels/document.xml.rels": rels("hyperlink", "https://example.fi", "External")}
    for more in (local, link, {"xl/printerSettings/printerSettings1.bin": b"\x00"}):
        assert looked_at(tmp_path, office_file("docx", more)) == PARTS["docx"][1]
    for body in (b"4 0 obj\n<</JavaScriptless 1/Launcher 2>>\nendobj\n", b"4 0 obj\n<</C/XFA-1>>\nendobj\n"):
        assert looked_at(tmp_path, pdf_file(body)) == rules.PDF
    assert looked_at(tmp_path, b"5 < 7, ja 7 > 5") == rules.TEXT
    assert looked_at(tmp_path, b"010190-950B is no code") == rules.TEXT


def test_a_code_is_found_wherever_the_text_is_cut_into_pieces(tmp_path: Path) -> None:
    for before in range(contents._PIECE - 12, contents._PIECE + 2):
        with pytest.raises(Invalid):
            looked_at(tmp_path, b" " * before + b"010190-950A ")


def test_a_name_is_found_wherever_the_content_is_cut_into_pieces() -> None:
    start = len(b"%PDF-1.7\n")
    for before in range(pdf._PIECE - 20, pdf._PIECE + pdf._OVERLAP + 20, 7):
        filled = b"%PDF-1.7\n" + b" " * (before - start)
        with pytest.raises(Invalid, match="/Launch"):
            pdf.look(filled + b"/L#61unch " + b" " * 300 + b"%%EOF")
        pdf.look(filled + b"/Launcher " + b" " * 300 + b"%%EOF")


def test_objects_that_unpack_to_far_too_much_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    content = pdf_file(object_stream(bytes(200_000)))
    pdf.look(content)
    monkeypatch.setattr(pdf, "MAX_UNPACKED", 100_000)
    with pytest.raises(Invalid, match="far too much"):
        pdf.look(content)


CONTROLS = {
    "a PDF with a script": (pdf, "_look_for_names", lambda _: None),
    "a document with macros inside": (office, "look", lambda *_, **__: ""),
    "a document that fetches its template": (office, "_FETCHED", ("nothing",)),
    "a picture with an archive after it": (zipfile, "is_zipfile", lambda _: False),
    "text with an identity code": (contents, "holds_identity_code", lambda _: False),
    "a page": (contents, "_MARKUP", ("nothing",)),
    "a bomb": (archives, "MAX_RATIO", 100_000),
}


@pytest.mark.parametrize("what", CONTROLS)
def test_control_without_its_check_it_would_be_let_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    where, name, instead = CONTROLS[what]
    look = contents.look
    if name == "look":
        inner = office.look
        monkeypatch.setattr(office, name, lambda file, *, inside=False: "" if inside else inner(file))
    else:
        monkeypatch.setattr(where, name, instead)
    path = tmp_path / "file"
    path.write_bytes(REFUSED[what])
    assert look(path) in rules.EXTENSIONS


# What is told and what is found


@pytest.mark.parametrize(
    ("told", "found", "name"),
    [
        (rules.PDF, rules.TEXT, "a.pdf"),
        (rules.UNTOLD, rules.TEXT, "a.pdf"),
        (rules.UNTOLD, rules.PDF, "a.DOCX"),
        (rules.CSV, rules.PDF, "a.csv"),
        (rules.DOCX, rules.XLSX, "a"),
        (rules.TEXT, rules.TEXT, "a.csv"),
        (rules.PNG, rules.JPEG, "a.jpg"),
    ],
)
def test_a_file_that_is_told_as_another_type_is_refused(told: str, found: str, name: str) -> None:
    with pytest.raises(Invalid) as refusal:
        rules.agreed(told, found, name)
    assert refusal.value.code == "file_refused"


def test_a_media_type_is_read_without_its_parameters_and_others_are_not_read() -> None:
    assert rules.declared(" Text/Plain ; charset=utf-8") == rules.TEXT
    for told in ("", "text/html", "image/svg+xml", "application/zip", "multipart/form-data; boundary=a"):
        with pytest.raises(WrongMediaType):
            rules.declared(told)


# Names


@pytest.mark.parametrize(
    ("given_name", "kept"),
    [
        ("Selvitys 12.3.2026", "Selvitys 12.3.2026.pdf"),
        ("Selvitys.PDF", "Selvitys.PDF"),
        ("../../etc/passwd", "passwd.pdf"),
        ("..\\..\\windows\\a.pdf", "a.pdf"),
        ("/etc/", "liite.pdf"),
        ("a\x00b.pdf", "ab.pdf"),
        ("CON", "_CON.pdf"),
        ("con.txt.pdf", "_con.txt.pdf"),
        ("LPT1.pdf", "_LPT1.pdf"),
        ("\u202efdp.exe", "fdp.exe.pdf"),
        ("a\u200bb\u2066.pdf", "ab.pdf"),
        ("a\"b'c;d.pdf", "a_b'c;d.pdf"),
        ("a\r\nSet-Cookie: b.pdf", "a Set-Cookie_ b.pdf"),
        ("C:evil.pdf", "C_evil.pdf"),
        ("a?b*c<d>e|f.pdf", "a_b_c_d_e_f.pdf"),
        (" . . ", "liite.pdf"),
        (".pdf", "pdf.pdf"),
        ("report.pdf.exe", "report.pdf.exe.pdf"),
        ("70 % lapsista.pdf", "70 % lapsista.pdf"),
        ("pa\u0308a\u0308to\u0308s.pdf", "päätös.pdf"),
    ],
)
def test_a_name_is_made_safe_for_every_system(given_name: str, kept: str) -> None:
    assert rules.file_name(given_name, rules.PDF) == kept


def test_a_long_name_is_cut_between_letters_and_keeps_its_ending() -> None:
    kept = rules.file_name("ä" * 300 + ".pdf", rules.PDF)
    assert kept == "ä" * 98 + ".pdf"
    assert len(kept.encode()) <= rules.MOST_BYTES_OF_A_NAME


@given(st.text(max_size=300), st.sampled_from(TYPES))
def test_whatever_is_given_the_name_is_plain_and_the_header_is_ascii(name: str, media_type: str) -> None:
    kept = rules.file_name(name, media_type)
    assert kept == kept.strip()
    assert not set(kept) & set('/\\\0\r\n"<>:|?*')
    assert not kept.startswith(".")
    assert kept.rpartition(".")[2].lower() in rules.EXTENSIONS[media_type]
    assert 0 < len(kept.encode()) <= rules.MOST_BYTES_OF_A_NAME
    assert rules.file_name(kept, media_type) == kept
    header = rules.disposition(kept)
    assert header.isascii()
    assert header.isprintable()
    assert header.startswith('attachment; filename="')
    assert header.count('"') == 2
    assert unquote(header.partition("UTF-8''")[2]) == kept


# Digests

HEX = hashlib.sha256(b"Muistio").hexdigest()
TOLD = f"sha-256=:{base64.b64encode(bytes.fromhex(HEX)).decode()}:"


def test_a_digest_is_written_and_read_as_rfc_9530_has_it() -> None:
    assert rules.content_digest(hashlib.sha256(b'{"hello": "world"}\n').hexdigest()) == (
        "sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:"  # the RFC's own example
    )
    assert rules.content_digest(HEX) == TOLD
    for header in (TOLD, f"SHA-256{TOLD[7:]}", f"sha-512=:YQ==:, {TOLD}", f"{TOLD};a=1"):
        assert rules.expected_digest(header) == HEX
    assert rules.expected_digest(None) is None
    assert rules.expected_digest("sha-512=:YQ==:, unixsum=:YQ==:") is None


@pytest.mark.parametrize(
    "header",
    ["", "abc", "sha-256=", "sha-256=:YQ==:", f"sha-256={HEX}", TOLD[:-1], f"{TOLD} {TOLD}", "sha-256=:" + "=" * 44],
)
def test_a_digest_that_cannot_be_read_is_refused(header: str) -> None:
    with pytest.raises(Malformed) as refusal:
        rules.expected_digest(header)
    assert refusal.value.code == "bad_content_digest"


def test_a_digest_of_something_else_is_refused() -> None:
    rules.check_digest(None, HEX)
    rules.check_digest(HEX, HEX)
    with pytest.raises(DomainError) as refusal:
        rules.check_digest(HEX, "0" * 64)
    assert refusal.value.code == "digest_mismatch"


def test_control_the_builders_make_what_they_say(tmp_path: Path) -> None:
    assert looked_at(tmp_path, png()) != looked_at(tmp_path, jpeg())
    assert zipfile.is_zipfile(tmp_path / "file") is False
    (tmp_path / "file").write_bytes(archive({"a": b"a"}))
    assert zipfile.is_zipfile(tmp_path / "file")
    assert EXE[:2] == b"MZ"
    assert HTML.startswith(b"<!")


def test_the_plain_name_of_a_download_names_no_folder_either() -> None:
    kept = rules.file_name("\uff0e\uff0e\uff0f\uff0e\uff0e\uff0fa\uff02\uff3c\uff1a\u2100.txt", rules.TEXT)
    plain = rules.disposition(kept).partition('filename="')[2].partition('"; filename*')[0]
    assert plain == ".._.._a___a_c.txt"

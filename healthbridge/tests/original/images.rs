use super::*;

#[tokio::test]
async fn images() {
    let hospital = Hospital::open().await;
    let (image, content) = post_images_upload(&hospital).await;
    get_images_id(&hospital, &image).await;
    get_images(&hospital, &image).await;
    get_images_patient(&hospital, &image).await;
    get_images_id_url(&hospital, &image, &content).await;
    delete_images_id(&hospital, &image).await;
}

/// `POST /images/upload`: `requestImageUpload`, `completeImageUpload`
async fn post_images_upload(hospital: &Hospital) -> (Value, Vec<u8>) {
    writes::upload(&hospital.radiologist, &hospital.patient, key().as_bytes()).await.expect("an image")
}

/// `GET /images/{id}`: `image`
async fn get_images_id(hospital: &Hospital, image: &Value) {
    let found = read(&hospital.doctor, "image", image, "contentType modality uploadedBy { id }").await;
    assert_eq!((&found["contentType"], &found["modality"]), (&json!("image/png"), &json!("OT")));
}

/// `GET /images`: `images`
async fn get_images(hospital: &Hospital, image: &Value) {
    assert!(ids(&list(&hospital.doctor, "images(first: 100)", "id").await).contains(image));
}

/// `GET /images/patient/{id}`: `Patient.images`
async fn get_images_patient(hospital: &Hospital, image: &Value) {
    let images = list_of(&hospital.doctor, ("patient", &hospital.patient), "images(first: 100)", "id").await;
    assert!(ids(&images).contains(image));
}

/// `GET /images/{id}/url`: `MedicalImage.downloadUrl`
async fn get_images_id_url(hospital: &Hospital, image: &Value, content: &[u8]) {
    let found = read(&hospital.doctor, "image", image, "downloadUrl { url }").await;
    let url = found["downloadUrl"]["url"].as_str().expect("a URL");
    let bytes = reqwest::get(url).await.expect("an answer").bytes().await.expect("the file");
    assert_eq!(bytes, content);
}

/// `DELETE /images/{id}`: `deleteImage`
async fn delete_images_id(hospital: &Hospital, image: &Value) {
    let input = json!({ "imageId": image, "reason": "the wrong patient" });
    change(&hospital.admin, "deleteImage", "deletedImageId", input).await;
    let images = list_of(&hospital.doctor, ("patient", &hospital.patient), "images(first: 100)", "id").await;
    assert!(!ids(&images).contains(image));
}

//! An input of each mutation.

use serde_json::{Value, json};
use uuid::Uuid;

use super::{Hospital, order_input};
use crate::appointments;

impl Hospital {
    /// Whether [`Self::input`] is right, and not only well formed.
    pub fn succeeds(mutation: &str) -> bool {
        !matches!(
            mutation,
            "setUserRoles"
                | "linkPatientAccount"
                | "completeImageUpload"
                | "deleteImage"
                | "updatePatient"
                | "updateStaffMember"
                | "updateBilling"
                | "voidBilling"
                | "payBilling"
                | "refundPayment"
                | "retireServiceItem"
                | "createInvoice"
                | "updateAppointment"
                | "checkInAppointment"
                | "fulfilAppointment"
                | "markAppointmentNoShow"
                | "cancelAppointment"
                | "setWorkingHours"
                | "issueInvoice"
                | "cancelInvoice"
                | "payInvoice"
                | "updateReportDraft"
                | "assignReport"
                | "confirmReport"
                | "amendReport"
                | "addAddendum"
                | "markReportEnteredInError"
                | "cancelReport"
                | "acknowledgeCriticalResult"
                | "retireReportTemplate"
                | "updateImagingOrder"
                | "completeAcquisition"
                | "revokeImagingOrder"
                | "startReading"
                | "stopReading"
                | "acknowledgeImagingResult"
        )
    }

    /// An input of a mutation. A mutation that is not here fails the test.
    pub fn input(&self, mutation: &str) -> Value {
        let row = |type_name: &str| json!(self.own.ids[type_name]);
        let key = json!(Uuid::new_v4());
        let name = json!({ "family": "Matrix", "given": ["Test"] });
        match mutation {
            "createUser" => {
                json!({ "email": format!("{}@matrix.test", Uuid::new_v4()), "kind": "STAFF", "roles": ["NURSE"], "idempotencyKey": key })
            }
            "resetUserPassword" => json!({ "userId": row("User") }),
            "activateUser" | "deactivateUser" => json!({ "userId": row("User"), "reason": "the matrix" }),
            "setUserRoles" => json!({ "userId": row("User"), "roles": ["ADMIN"], "expectedVersion": 999 }),
            "linkPatientAccount" => json!({ "userId": row("User"), "patientId": row("Patient") }),
            "createPatient" => {
                json!({ "name": name, "gender": "OTHER", "allowDuplicate": true, "idempotencyKey": key })
            }
            "updatePatient" => json!({ "patientId": row("Patient"), "expectedVersion": 999, "active": false }),
            "createStaffMember" => json!({ "name": name, "profession": "NURSE", "idempotencyKey": key }),
            "updateStaffMember" => json!({ "staffId": row("MedicalStaff"), "expectedVersion": 999, "active": false }),
            "requestImageUpload" => {
                json!({ "patientId": row("Patient"), "fileName": "a.dcm", "contentType": "application/dicom",
                "byteSize": "10", "modality": "CT", "sha256": "00".repeat(32), "idempotencyKey": key })
            }
            "completeImageUpload" => json!({ "uploadId": Uuid::now_v7() }),
            "deleteImage" => json!({ "imageId": row("MedicalImage"), "reason": "the matrix", "expectedVersion": 999 }),
            "createReport" => json!({ "patientId": row("Patient"), "findings": "none", "idempotencyKey": key }),
            "updateReportDraft" => {
                json!({ "reportId": row("DiagnosisReport"), "expectedVersion": 999, "findings": "none" })
            }
            "assignReport" => {
                json!({ "reportId": row("DiagnosisReport"), "assigneeId": row("MedicalStaff"), "expectedVersion": 999 })
            }
            "confirmReport" => {
                json!({ "reportId": row("DiagnosisReport"), "expectedVersion": 999, "idempotencyKey": key })
            }
            "amendReport" => {
                json!({ "reportId": row("DiagnosisReport"), "expectedVersion": 999, "reason": "the matrix",
                "findings": "none", "idempotencyKey": key })
            }
            "addAddendum" => json!({ "reportId": row("DiagnosisReport"), "expectedVersion": 999, "text": "the matrix",
                "idempotencyKey": key }),
            "cancelReport" | "markReportEnteredInError" => {
                json!({ "reportId": row("DiagnosisReport"), "expectedVersion": 999, "reason": "the matrix" })
            }
            "acknowledgeCriticalResult" => json!({ "reportId": row("DiagnosisReport"), "note": "the matrix" }),
            "saveReportTemplate" => json!({ "name": "the matrix", "modality": "CT", "idempotencyKey": key }),
            "retireReportTemplate" => json!({ "templateId": Uuid::now_v7(), "expectedVersion": 999 }),
            "orderImaging" => order_input(&row("Patient")),
            "updateImagingOrder" => {
                json!({ "orderId": row("ImagingOrder"), "expectedVersion": 999, "priority": "STAT" })
            }
            "completeAcquisition" => {
                json!({ "orderId": row("ImagingOrder"), "expectedVersion": 999, "imageIds": [row("MedicalImage")] })
            }
            "revokeImagingOrder" => {
                json!({ "orderId": row("ImagingOrder"), "expectedVersion": 999, "reason": "the matrix" })
            }
            "startReading" | "stopReading" => json!({ "orderId": row("ImagingOrder") }),
            "acknowledgeImagingResult" => json!({ "orderId": row("ImagingOrder"), "expectedVersion": 999 }),
            "addWorkflowLog" => json!({ "action": "OTHER", "note": "the matrix", "idempotencyKey": key }),
            "addBilling" => json!({ "patientId": row("Patient"), "description": "the matrix", "quantity": "1",
                "unitPrice": { "amount": "1.00", "currency": "EUR" }, "idempotencyKey": key }),
            "updateBilling" => json!({ "billingId": row("Billing"), "expectedVersion": 999, "quantity": "2" }),
            "voidBilling" => json!({ "billingId": row("Billing"), "expectedVersion": 999, "reason": "the matrix" }),
            "payBilling" => json!({ "billingId": row("Billing"), "method": "CASH", "idempotencyKey": key,
                "amount": { "amount": "0.01", "currency": self.own.currency } }),
            "refundPayment" => json!({ "paymentId": row("LedgerEntry"), "reason": "the matrix", "idempotencyKey": key,
                "amount": { "amount": "0.01", "currency": self.own.currency } }),
            "createInvoice" => {
                json!({ "patientId": row("Patient"), "billingIds": [Uuid::now_v7()], "idempotencyKey": key })
            }
            "issueInvoice" => json!({ "invoiceId": row("Invoice"), "expectedVersion": 999 }),
            "cancelInvoice" => json!({ "invoiceId": row("Invoice"), "expectedVersion": 999, "reason": "the matrix" }),
            "payInvoice" => json!({ "invoiceId": row("Invoice"), "method": "CASH", "idempotencyKey": key,
                "amount": { "amount": "0.01", "currency": self.own.currency } }),
            "addServiceItem" => json!({ "name": "the matrix", "idempotencyKey": key,
                "prices": [{ "amount": "1.00", "currency": "EUR" }] }),
            "retireServiceItem" => json!({ "serviceItemId": Uuid::now_v7(), "expectedVersion": 999 }),
            "exportLedger" => json!({ "from": "2026-01-01T00:00:00Z", "to": "2026-02-01T00:00:00Z" }),
            "signIn" => json!({ "email": "a@matrix.test", "password": "wrong", "totp": "123456" }),
            "signInWithToken" => json!({ "token": "a.b.c" }),
            "registerUser" => {
                json!({ "email": format!("{}@matrix.test", Uuid::new_v4()), "password": "seven unlikely purple wheelbarrows",
                "kind": "PATIENT", "idempotencyKey": key })
            }
            "refreshSession" => json!({ "refreshToken": "wrong" }),
            "changePassword" => {
                json!({ "currentPassword": "wrong", "newPassword": "seven unlikely purple wheelbarrows" })
            }
            "completePasswordReset" => json!({ "token": "wrong", "newPassword": "seven unlikely purple wheelbarrows" }),
            "confirmTotp" => json!({ "code": "123456" }),
            "disableTotp" | "reauthenticate" => json!({ "password": "wrong" }),
            other => appointments::input(other, row).unwrap_or_else(|| panic!("teach the matrix an input of {other}")),
        }
    }
}

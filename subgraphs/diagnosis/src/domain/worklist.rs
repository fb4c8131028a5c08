use healthbridge_terms::coded;

coded! {
    /// What is to be done with imaging orders.
    pub enum ImagingWorklist {
        /// Ordered or scheduled: the images are to be acquired.
        ToAcquire,
        /// Acquired: a radiologist is to read the images. Those that another radiologist is reading are left out.
        ToRead,
        /// Reported: who ordered them is to look at the results.
        Results,
    }
}

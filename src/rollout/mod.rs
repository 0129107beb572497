//! Strategy -> `Plan` of steps; the way back is one pure function of plan and position.

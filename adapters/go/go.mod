module vinr.example/till

go 1.19

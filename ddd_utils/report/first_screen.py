"""What a report opens with: the verdict, and two pictures, ImageNet's facts beside what this run found."""

"""What phones and the server share: Structs, codes, emitters and the reference device. Never imports the server."""

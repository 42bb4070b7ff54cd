// Models of the vendor primitives that blocks instantiate under SYNTHESIS, for simulation of that
// branch. Written after the vendor's documentation (UG573, UG574); only what the blocks use.

module SRLC32E #(parameter [31:0] INIT = 32'd0) (
    input wire CLK, input wire CE, input wire [4:0] A, input wire D, output wire Q, output wire Q31
);
    reg [31:0] bits = INIT;
    always @(posedge CLK) if (CE) bits <= {bits[30:0], D};
    assign Q = bits[A];
    assign Q31 = bits[31];
endmodule

// Two ports on one clock; port A goes first. Stand-alone, no ECC, no sleep.
module URAM288 #(
    parameter BWE_MODE_A = "PARITY_INTERLEAVED", parameter BWE_MODE_B = "PARITY_INTERLEAVED",
    parameter CASCADE_ORDER_A = "NONE", parameter CASCADE_ORDER_B = "NONE",
    parameter OREG_A = "FALSE", parameter OREG_B = "FALSE",
    parameter IREG_PRE_A = "FALSE", parameter IREG_PRE_B = "FALSE",
    parameter [10:0] SELF_ADDR_A = 11'h000, parameter [10:0] SELF_MASK_A = 11'h7ff
) (
    input wire CLK, input wire SLEEP,
    input wire EN_A, input wire RDB_WR_A, input wire [22:0] ADDR_A, input wire [8:0] BWE_A,
    input wire [71:0] DIN_A, output wire [71:0] DOUT_A, input wire RST_A, input wire OREG_CE_A,
    input wire OREG_ECC_CE_A, input wire INJECT_SBITERR_A, input wire INJECT_DBITERR_A,
    input wire EN_B, input wire RDB_WR_B, input wire [22:0] ADDR_B, input wire [8:0] BWE_B,
    input wire [71:0] DIN_B, output wire [71:0] DOUT_B, input wire RST_B, input wire OREG_CE_B,
    input wire OREG_ECC_CE_B, input wire INJECT_SBITERR_B, input wire INJECT_DBITERR_B,
    input wire [22:0] CAS_IN_ADDR_A, input wire [8:0] CAS_IN_BWE_A, input wire CAS_IN_DBITERR_A,
    input wire [71:0] CAS_IN_DIN_A, input wire [71:0] CAS_IN_DOUT_A, input wire CAS_IN_EN_A,
    input wire CAS_IN_RDACCESS_A, input wire CAS_IN_RDB_WR_A, input wire CAS_IN_SBITERR_A,
    input wire [22:0] CAS_IN_ADDR_B, input wire [8:0] CAS_IN_BWE_B, input wire CAS_IN_DBITERR_B,
    input wire [71:0] CAS_IN_DIN_B, input wire [71:0] CAS_IN_DOUT_B, input wire CAS_IN_EN_B,
    input wire CAS_IN_RDACCESS_B, input wire CAS_IN_RDB_WR_B, input wire CAS_IN_SBITERR_B
);
    initial if (CASCADE_ORDER_A != "NONE" || CASCADE_ORDER_B != "NONE") $finish;
    reg [71:0] memory [0:4095];
    integer i;
    initial for (i = 0; i < 4096; i = i + 1) memory[i] = 72'd0;

    // {enable, write, address, byte enables, data} as given and one clock later.
    wire [94:0] a_in = {EN_A & ~SLEEP, RDB_WR_A, ADDR_A[11:0], BWE_A, DIN_A};
    wire [94:0] b_in = {EN_B & ~SLEEP, RDB_WR_B, ADDR_B[11:0], BWE_B, DIN_B};
    reg [94:0] a_late = 95'd0, b_late = 95'd0;
    wire [94:0] a = IREG_PRE_A == "TRUE" ? a_late : a_in;
    wire [94:0] b = IREG_PRE_B == "TRUE" ? b_late : b_in;
    reg [71:0] a_latch = 72'd0, b_latch = 72'd0, a_out = 72'd0, b_out = 72'd0;

    // Parity bits have an enable of their own, or share those of the data bytes.
    function write_bit(input independent, input [8:0] enables, input integer n);
        write_bit = n < 64 ? enables[n / 8] : independent ? enables[8] : enables[n - 64];
    endfunction

    always @(posedge CLK) begin
        a_late <= a_in;
        b_late <= b_in;
        a_out = RST_A ? 72'd0 : OREG_CE_A ? a_latch : a_out;
        b_out = RST_B ? 72'd0 : OREG_CE_B ? b_latch : b_out;
        if (a[94] && !a[93]) a_latch = memory[a[92:81]];
        if (a[94] && a[93])
            for (i = 0; i < 72; i = i + 1)
                if (write_bit(BWE_MODE_A == "PARITY_INDEPENDENT", a[80:72], i)) memory[a[92:81]][i] = a[i];
        if (b[94] && !b[93]) b_latch = memory[b[92:81]];
        if (b[94] && b[93])
            for (i = 0; i < 72; i = i + 1)
                if (write_bit(BWE_MODE_B == "PARITY_INDEPENDENT", b[80:72], i)) memory[b[92:81]][i] = b[i];
    end
    assign DOUT_A = OREG_A == "TRUE" ? a_out : a_latch;
    assign DOUT_B = OREG_B == "TRUE" ? b_out : b_latch;
endmodule

// A LUT of six inputs, or two of five that share them.
module LUT6_2 #(parameter [63:0] INIT = 64'd0) (
    input wire I0, input wire I1, input wire I2, input wire I3, input wire I4, input wire I5,
    output wire O5, output wire O6
);
    assign O5 = INIT[{1'b0, I4, I3, I2, I1, I0}];
    assign O6 = INIT[{I5, I4, I3, I2, I1, I0}];
endmodule

// Carry chain of eight bits.
module CARRY8 (
    input wire CI, input wire CI_TOP, input wire [7:0] DI, input wire [7:0] S,
    output wire [7:0] CO, output wire [7:0] O
);
    wire [8:0] carry;
    assign carry[0] = CI;
    genvar n;
    generate for (n = 0; n < 8; n = n + 1) begin : bits
        assign carry[n + 1] = S[n] ? carry[n] : DI[n];
    end endgenerate
    assign O = S ^ carry[7:0];
    assign CO = carry[8:1];
endmodule

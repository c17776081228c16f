using System.ComponentModel;
using System.Diagnostics;
using Skipwise.Distributed.Mpi;

namespace Skipwise.Tests.Distributed;

/// <summary>Which binary interface a library has, by small libraries of the tests' own.</summary>
public sealed class MpiInterfaceTests
{
    private const string Start = "int MPI_Init_thread(void) { return 0; }\n";

    private const string Objects = """
        int ompi_mpi_comm_world, ompi_mpi_byte, ompi_mpi_float, ompi_mpi_double, ompi_mpi_long_long_int, ompi_mpi_op_sum,
            ompi_mpi_errors_return;
        """;

    [Theory]
    [InlineData("", "Mpich")]
    [InlineData(Objects, "OpenMpi")]
    // libraries with an interface of their own tell -1, or an error
    [InlineData("int MPI_Abi_get_version(int *a, int *b) { *a = *b = -1; return 0; }", "Mpich")]
    [InlineData("int MPI_Abi_get_version(int *a, int *b) { *a = *b = -1; return 0; }\n" + Objects, "OpenMpi")]
    [InlineData("int MPI_Abi_get_version(int *a, int *b) { *a = 1; *b = 0; return 16; }", "Mpich")]
    [InlineData("int MPI_Abi_get_version(int *a, int *b) { *a = 1; *b = 0; return 0; }", "Standard")]
    public void ALibraryTellsItsInterface(string source, string family)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "the compiler's options are those of Linux");
        using var folder = new TempFolder();
        File.WriteAllText(folder["fake.c"], Start + source);
        try
        {
            (int code, string output, string error) = ChildProcess.Run(
                new ProcessStartInfo("cc") { ArgumentList = { "-shared", "-fPIC", "-o", folder["fake.so"], folder["fake.c"] } });
            Assert.True(code == 0, output + error);
        }
        catch (Win32Exception)
        {
            Assert.Skip("no C compiler (cc) is installed");
        }

        Assert.Equal(family, MpiLibrary.TryLoad(folder["fake.so"])!.Abi.Family.ToString());
    }

    [Fact]
    public void MoreThanMpiCountsIsRefusedWithItsSize()
    {
        Assert.Equal(int.MaxValue, MpiCollective.Count("all-reduce", int.MaxValue, 4L * int.MaxValue));

        SkipwiseException failure = Assert.Throws<SkipwiseException>(() => MpiCollective.Count("all-reduce", 1L << 31, 1L << 33));

        Assert.Contains("8.0 GiB", failure.Message, StringComparison.Ordinal);
    }
}

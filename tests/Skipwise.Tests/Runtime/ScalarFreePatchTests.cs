using System.Reflection;
using System.Runtime.InteropServices;
using Skipwise.Runtime;
using TorchSharp;

namespace Skipwise.Tests.Runtime;

public sealed class ScalarFreePatchTests
{
    [Fact]
    public void A_number_outlives_its_box_and_is_freed_in_the_end()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux() && RuntimeInformation.ProcessArchitecture == Architecture.X64,
            "numbers are kept on x86-64 Linux");
        byte[] before, after;
        nint address;
        using (Scalar number = 0.3.ToScalar())
        {
            address = Address(number);
            before = Bytes(address);
        }
        after = Bytes(address); // an allocator writes its lists into what is freed
        Assert.Equal(before, after);

        var reused = new HashSet<nint>();
        for (int i = 0; i < 3 * ScalarFreePatch.PendingFrees; i++)
        {
            using Scalar number = i.ToScalar();
            reused.Add(Address(number));
        }
        Assert.InRange(reused.Count, 1, 2 * ScalarFreePatch.PendingFrees); // memory comes back: the numbers are not leaked
    }

    private static byte[] Bytes(nint address)
    {
        byte[] bytes = new byte[16];
        Marshal.Copy(address, bytes, 0, bytes.Length);
        return bytes;
    }

    private static nint Address(Scalar scalar) =>
        (nint)typeof(Scalar).GetProperty("Handle", BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic)!.GetValue(scalar)!;
}

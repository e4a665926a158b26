/* queue_order.c - the order in which greenlets around a queue or a channel go on, against what gevent 22.10 did with
 * the same programs (queue_script.h), recorded. */
#include "unit.h"
#include "queue_script.h"

struct record {
	char kind;
	size_t maxsize;
	const char *program, *order;
};

static void compare(const struct record *r, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		script_play(r[i].kind, r[i].maxsize, r[i].program);
		if (strcmp(unit_trace, r[i].order))
			unit_fail(__FILE__, __LINE__, "%c %zu \"%s\": expected \"%s\", came \"%s\"", r[i].kind, r[i].maxsize,
			          r[i].program, r[i].order, unit_trace);
	}
}

static const struct record unbounded[] = {
	{ 'f', 0, "g p y", "Bp1 Ag1 Cy" },
	{ 'f', 0, "g pyy G", "Bp1 CG1 By By A?" },
	{ 'f', 0, "g g ppy y", "Cp1 Cp2 Ag1 Bg2 Cy Dy" },
	{ 'f', 0, "k g p y", "Cp1 Ak1 Bg1 Dy" },
	{ 'f', 0, "k k k p g", "Dp1 Eg1 A? B? C?" },
	{ 'f', 0, "g g xAp y", "CxA Cp1 Ax Bg1 Dy" },
	{ 'f', 0, "ppp gdyj gdgd jy", "Ap1 Ap2 Ap3 Bg1 Bd Cg2 Cd Cg3 Cd Dj By Bj Dy" },
	{ 'f', 0, "p gd j jp y", "Ap1 Bg1 Bd Cj Dj Dp2 Ey" },
	{ 'f', 0, "p j j gdp", "Ap1 Dg1 Dd Dp2 Bj Cj" },
	{ 'f', 0, "d p gdd", "Ad! Bp1 Cg1 Cd Cd!" },
};

CASE("queues without a limit: gevent's order")
{
	compare(unbounded, sizeof unbounded / sizeof *unbounded);
}

static const struct record bounded[] = {
	{ 'f', 1, "p p p g g g", "Ap1 Dg1 Bp2 Eg2 Cp3 Fg3" },
	{ 'f', 1, "ppp g g", "Ap1 Bg1 Ap2 Cg2 Ap3" },
	{ 'f', 1, "pp pp gggg y", "Ap1 Cg1 Ap2 Cg2 Bp3 Cg3 Bp4 Cg4 Dy" },
	{ 'f', 1, "g g pppy yG", "Cp1 Ag1 Cp2 Bg2 Cp3 Dy DG3 Cy" },
	{ 'f', 2, "pppp yg ggg y", "Ap1 Ap2 Cg1 Cg2 By Ap3 Ap4 Cg3 Bg4 Dy" },
	{ 'f', 3, "ppppp gyg gyg", "Ap1 Ap2 Ap3 Bg1 Cg2 Ap4 Ap5 By Bg3 Cy Cg4" },
	{ 'f', 1, "p p p xBg g", "Ap1 DxB Dg1 Bx Cp3 Eg3" },
	{ 'f', 1, "pg Pg gp y", "Ap1 Ag1 BP2 Bg2 Dy C?" },
};

CASE("queues with a limit: gevent's order")
{
	compare(bounded, sizeof bounded / sizeof *bounded);
}

static const struct record others[] = {
	{ 'l', 0, "pppp gggg", "Ap1 Ap2 Ap3 Ap4 Bg4 Bg3 Bg2 Bg1" },
	{ 'l', 1, "pp p p ggyg", "Ap1 Dg1 Ap2 Dg2 Bp3 Dy Dg3 Cp4" },
	{ 'l', 2, "pp yp yp gggg", "Ap1 Ap2 Dg2 Dg1 By Bp3 Cy Cp4 Dg4 Dg3" },
	{ 'p', 0, "pppppp gggggg", "Ap1 Ap2 Ap3 Ap4 Ap5 Ap6 Bg3 Bg6 Bg1 Bg4 Bg2 Bg5" },
	{ 'p', 2, "ppp ppp gg gggg", "Ap1 Ap2 Cg1 Cg2 Ap3 Dg3 Bp4 Bp5 Dg4 Dg5 Bp6 Dg6" },
	{ 'p', 1, "p p p kg kg kg", "Ap1 Dk1 Dg1 Bp2 Ek2 Eg2 Cp3 Fk3 Fg3" },
};

CASE("last in first out, and priorities: gevent's order")
{
	compare(others, sizeof others / sizeof *others);
}

static const struct record channels[] = {
	{ 'c', 0, "p g y", "Bg1 Ap1 Cy" },
	{ 'c', 0, "g p y", "Ag1 Bp1 Cy" },
	{ 'c', 0, "p p p gy ggy y", "Dg1 Ap1 Eg2 Bp2 Eg3 Cp3 Fy Dy Ey" },
	{ 'c', 0, "gg p p y", "Ag1 Bp1 Ag2 Cp2 Dy" },
	{ 'c', 0, "pp gg y", "Bg1 Ap1 Bg2 Ap2 Cy" },
	{ 'c', 0, "g g xBpp y", "CxB Bx Ag1 Cp1 Dy C?" },
	{ 'c', 0, "p p xAgy y", "CxA Ax Cg2 Bp2 Dy Cy" },
	{ 'c', 0, "pgp gpg pg y", "Bg1 Ap1 Ag2 Cp2 Cg3 Bp3 Bg4 Ap4 Dy" },
	{ 'c', 0, "ppyp gyg gyyg y", "Bg1 Ap1 Cg2 Ap2 Dy By Cy Ay Cy Bg3 Ap3 C?" },
};

CASE("channels: gevent's order")
{
	compare(channels, sizeof channels / sizeof *channels);
}

static const struct record mixed[] = {
	{ 'c', 0, "yg g ypgpy ygppggg pyggp xBggp", "FxB Ay Cy Dy Bg1 Ep1 Fg2 Cp2 Ey A? C? D? E? F?" },
	{ 'c', 0, "pgxByggg yp xEpgyggg ggggggy ygygpp", "CxE By Dg1 Ap1 Dg2 Cp2 Ag3 AxB Bp3 Ay A? C? D?" },
	{ 'p', 2, "yggkg ypp p ggg kgpgp gkgpgpp p", "Cp1 Dg1 Gp2 Ay Ag2 By Bp3 Bp4 Dg3 Dg4 A? E? F?" },
	{ 'p', 1, "gpg pp ygxEpppp yyk pgG", "Bp1 Ag1 Ap4 Ag4 Bp2 Cy Cg2 CxE Cp5 Dy Ex Dy Dk5 C?" },
	{ 'f', 0, "ykgygxBy Ggp gdd kKgp pyg jgxDy", "BG! Ep1 Ay Ak1 Ag1 Ey Ay A? B? C? D? E? F?" },
	{ 'l', 1, "Ky pxEpy PgP ppyP ggPggpy pG", "AK! Bp1 BxE CP! Cg1 CP4 Ay B? D? F?" },
	{ 'p', 0, "ppg xDgpPyp yg pkpPxCp GxBkpp", "Ap1 Ap2 Ag1 BxD Bg2 Bp3 BP4 EG3 ExB Ek4 Ep5 Ep6 By Bp7 Cy Cg6" },
	{ 'p', 1, "gyKxC gggp ygKggy ygppkg ppgKyGp p",
	  "Ep1 Cy Cg1 CK! Dy Ep2 Eg2 EK! Fp3 Ag3 Ey EG! Ep4 Ay AK4 AxC Bg4 Cx B? D?" },
	{ 'p', 1, "yyKy ppygyxCK g gpgggg pkkgg ygyGp",
	  "Bp1 Cg1 Ep3 Ek3 Ek3 Eg3 Ay Bp2 Dg2 Dp4 Dg4 Fy Ay AK! By Ay B? D? E? F?" },
	{ 'p', 3, "yg Ky k py gp gpG gKkKpPp", "BK! Dp1 Eg1 Ep2 Fg2 Fp3 FG3 Ay By Dy A? C? G?" },
	{ 'l', 1, "pggp pygy pp ypG pKgp kgg",
	  "Ap1 Ag1 Bp2 Fk2 Fg2 Cp3 Ag3 Ap6 Fg6 Ep4 EK4 Eg4 Ep7 By Bg7 Dy Dp8 DG8 Cp5 By" },
	{ 'f', 1, "pgpk ypggpGg gyxAG Gdgggj", "Ap1 Ag1 Ap2 Ak2 Cg2 DG! Dd By Bp3 Bg3 Cy CxA CG! B? D?" },
	{ 'f', 1, "Pggpdj pgy gddgyK gygd", "AP1 Ag1 Bp2 Bg2 By A? C? D?" },
	{ 'p', 1, "yypkpyg Gyggpy gg kgypp pyp",
	  "BG! Ep1 Ay By Bg1 Ey Ep2 Ay Cg2 Ap3 Ak3 Dk3 Dg3 Ap4 Bg4 Bp5 Cg5 Dy Dp6 Ay Ag6 By Dp7" },
};

CASE("programs by chance: gevent's order")
{
	compare(mixed, sizeof mixed / sizeof *mixed);
}
